"""Marks incidents through the gateway, as the buttons of a report do: one way in, whichever log is behind it."""

import getpass
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from pipeline.command.surroundings import read_settings
from pipeline.errors import Misuse, Retryable
from pipeline.settings import Settings, secrets_in
from schemas import Verdict

TIMEOUT_S = 15.0
MOST_TOGETHER = 500  # as the gateway takes
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class _Answer(NamedTuple):
    ids: list[str]
    unknown: list[str] | None


def run_mark(  # noqa: PLR0913  # what there is to say of a mark
    incidents: Sequence[str], verdict: str, note: str, by: str | None, gateway: str | None, *, as_json: bool
) -> int:
    """Mark each of `incidents`; `-` stands for those on stdin. Whether all exist, as an exit code.

    Raises Misuse and Retryable.
    """
    if verdict not in set(Verdict):
        raise Misuse(f"--as {verdict}: must be one of {', '.join(Verdict)}")
    keys = list(
        dict.fromkeys(word for one in incidents for word in (sys.stdin.read().split() if one == "-" else [one]))
    )
    settings = read_settings()
    url, token = (gateway or settings.gateway_url).rstrip("/"), _token(settings)
    at = datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC).isoformat(timespec="milliseconds")
    said = {"verdict": verdict, "by": by or _whoever(), "note": note, "at": at}
    marked: list[dict[str, str]] = []
    unknown, is_told = list[str](), True
    try:
        with _client(url, token) as client:
            for start in range(0, len(keys), MOST_TOGETHER):
                some = keys[start : start + MOST_TOGETHER]
                ids, absent = _post(client, url, [{"incident_id": key, **said} for key in some], len(marked))
                marked += [{"incident_id": key, "id": one} for key, one in zip(some, ids, strict=True)]
                unknown += absent or ()
                is_told = is_told and absent is not None
    finally:  # also of those before a request that failed
        _complain(unknown, is_told=is_told)
    if as_json:
        told = unknown if is_told or unknown else None
        json.dump({**said, "marked": marked, "unknown": told}, sys.stdout, indent=2, ensure_ascii=False)
        print()
    else:
        for one in marked:
            if one["incident_id"] not in unknown:
                print(f"{one['incident_id']}  {verdict} by {said['by']}")
    return 1 if unknown else 0


def _complain(unknown: Sequence[str], *, is_told: bool) -> None:
    """A typing error must not look like success."""
    if not is_told:
        print("pagesieve: the gateway cannot tell whether there is such an incident", file=sys.stderr)
    for key in unknown:
        print(
            f"pagesieve: {key}: the log knows no incident with this id. Look for a typing error; "
            "the mark is kept for an incident that only an older archive has",
            file=sys.stderr,
        )


def _token(settings: Settings) -> str | None:
    found = secrets_in(settings.tokens, settings.tokens_file, "PAGESIEVE_TOKENS")
    return found[0] if found else None


def _whoever() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise Misuse("this machine does not know who you are: say it with --by") from None


def _client(url: str, token: str | None) -> httpx.Client:
    """A client that shows the token only where nobody can overhear it. Raises Misuse."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not host:
        raise Misuse(f"{url}: the gateway's address must be like http://127.0.0.1:9095")
    is_here = host in _LOOPBACK
    if token is not None and parts.scheme != "https" and not is_here:
        raise Misuse(f"{url} must be https: a token goes over it")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.Client(headers=headers, timeout=TIMEOUT_S, follow_redirects=False, trust_env=not is_here)


def _post(client: httpx.Client, url: str, outcomes: list[dict[str, str]], before: int) -> _Answer:
    """What the gateway made of them. Raises Misuse, and Retryable where the same may be done again."""
    again = (
        f"; {before} are marked, the others may be: mark them again" if before else "; it may be marked: do it again"
    )
    try:
        answer = client.post(f"{url}/v1/outcomes", json={"outcomes": outcomes})
    except httpx.ConnectError:
        done = f"{before} are marked, the others are not" if before else "nothing is marked"
        raise Retryable(f"no gateway answers at {url}: {done}; start it, or name another with --gateway") from None
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise Retryable(f"the gateway at {url} does not answer ({type(exc).__name__}){again}") from None
    try:
        said = answer.json()
        if answer.status_code == httpx.codes.ACCEPTED:
            unknown = said.get("unknown")  # absent where it cannot tell
            return _Answer([*map(str, said["ids"])], None if unknown is None else [*map(str, unknown)])
        detail = str(said["detail"])
    except (ValueError, KeyError, TypeError):
        raise Misuse(f"{url} is no gateway of pagesieve: it answered {answer.status_code}") from None
    if answer.is_server_error:
        raise Retryable(f"the gateway at {url} answered {answer.status_code}: {detail}{again}")
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise Misuse(f"the gateway at {url} wants a token: set PAGESIEVE_TOKENS or PAGESIEVE_TOKENS_FILE")
    raise Misuse(_in_words(detail, outcomes))


def _in_words(detail: str, outcomes: list[dict[str, str]]) -> str:
    """The gateway's complaint with the incident in place of its number in the list."""
    where, colon, reason = detail.partition(": ")
    number = where.removeprefix("outcomes[").partition("]")[0]
    if colon and where.startswith("outcomes[") and number.isdecimal() and int(number) < len(outcomes):
        field = where.partition("].")[2]
        return f"{outcomes[int(number)]['incident_id']}: {field} {reason}"
    return detail
