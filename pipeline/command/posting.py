"""Where the report is posted to is what PAGESIEVE_POST_… names; each gets it, whatever becomes of the others."""

from collections.abc import Callable
from typing import NamedTuple

import orjson
from pydantic import SecretStr, ValidationError

from pipeline.command.surroundings import misuse_of
from pipeline.edge.post import Letter, MailServer, Patience, Webhook, post, send
from pipeline.errors import Missing, Misuse
from pipeline.report import message, render
from pipeline.report.report import Report
from pipeline.settings import Posting, secret_in

_CHATS = (("slack", "Slack", message.slack), ("teams", "Teams", message.teams), ("webhook", "webhook", message.generic))


class Target(NamedTuple):
    """A place, and how the report gets there."""

    name: str
    deliver: Callable[[Report], None]


def targets() -> list[Target]:
    """All that are named. Raises Misuse if none is, or one cannot be right, before any work is done for it."""
    try:
        settings = Posting()
    except ValidationError as exc:
        raise misuse_of(exc, "PAGESIEVE_POST_") from None
    patience = Patience(settings.tries, settings.timeout_s)
    found = [
        _chat(Webhook(shown, variable, url, _token(settings, name)), make, settings, patience)
        for name, shown, make in _CHATS
        if (url := _secret(settings, name, variable := f"PAGESIEVE_POST_{name.upper()}_URL"))
    ]
    found += [_mail(settings, patience)] if settings.smtp else []
    if not found:
        raise Misuse("--post: say where to: PAGESIEVE_POST_SLACK_URL, …_TEAMS_URL, …_WEBHOOK_URL or …_SMTP")
    return found


def post_everywhere(report: Report, everywhere: list[Target]) -> None:
    """Post to all. Raises Missing or Misuse, naming each that did not get it, once the others have it."""
    failed: list[Missing | Misuse] = []
    for target in everywhere:
        try:
            target.deliver(report)
            print(f"posted to {target.name}")
        except (Missing, Misuse) as exc:
            failed.append(exc)
    if failed:
        kind = Missing if any(isinstance(one, Missing) for one in failed) else Misuse
        raise kind("not posted: " + "; ".join(map(str, failed)))


def _chat(
    webhook: Webhook, make: Callable[[Report, str | None], message.Message], settings: Posting, patience: Patience
) -> Target:
    return Target(
        webhook.name, lambda report: post(webhook, orjson.dumps(make(report, _link(settings, report))), patience)
    )


def _mail(settings: Posting, patience: Patience) -> Target:
    recipients = tuple(one.strip() for one in settings.mail_to.split(",") if one.strip())
    if not settings.mail_from or not recipients:
        raise Misuse("PAGESIEVE_POST_SMTP needs PAGESIEVE_POST_MAIL_FROM and …_MAIL_TO")
    host, _, port = (settings.smtp or "").partition(":")
    if not host or (port and not (port.isdecimal() and 0 < int(port) < 65536)):
        raise Misuse("PAGESIEVE_POST_SMTP: expected a host, or host:port")
    password = secret_in(settings.smtp_password, settings.smtp_password_file, "PAGESIEVE_POST_SMTP_PASSWORD")
    server = MailServer(
        host, settings.mail_from, recipients, int(port) if port else None, settings.smtp_security, settings.smtp_user,
        password,
    )  # fmt: skip
    return Target("mail", lambda report: send(server, _letter(report, settings), patience))


def _letter(report: Report, settings: Posting) -> Letter:
    link = _link(settings, report)
    text = (f"The whole report: {link}\n\n" if link else "") + render.markdown(report)
    return Letter(message.subject(report), text, f"{report.week}.html", render.html(report))


def _link(settings: Posting, report: Report) -> str | None:
    return settings.link.replace("{week}", report.week) if settings.link else None


def _secret(settings: Posting, name: str, variable: str) -> SecretStr | None:
    return secret_in(getattr(settings, f"{name}_url"), getattr(settings, f"{name}_url_file"), variable)


def _token(settings: Posting, name: str) -> SecretStr | None:
    if name != "webhook":
        return None
    return secret_in(settings.webhook_token, settings.webhook_token_file, "PAGESIEVE_POST_WEBHOOK_TOKEN")
