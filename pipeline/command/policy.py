"""A policy is checked, explained by one alert, and held against recorded events before it decides about anything."""

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.command.recorded import no_event_in, with_progress
from pipeline.command.surroundings import learned_of, policy_of, read_settings
from pipeline.core.duration import instant_ms
from pipeline.core.matcher import Matcher
from pipeline.core.policy import Policy, Rule
from pipeline.core.timestamp import rfc3339
from pipeline.errors import Misuse, Rejected
from pipeline.explain import Explanation, explain, words
from pipeline.normalise import identify
from pipeline.policy_file import examine
from pipeline.sources import SOURCES, guess, parse
from pipeline.suggest import suggest
from schemas import Alert
from schemas.topics import MAX_RECORD_BYTES

if TYPE_CHECKING:
    from pipeline.command.shadow import Past


class Lookback(NamedTuple):
    """Of what past a policy is asked: the archive, how many weeks until now, and the models it is decided with."""

    archive: Path | None
    weeks: int
    model: Path | None


def run_check(path: Path, origin: Lookback, *, as_json: bool) -> int:
    """Print the policy's version, or all that is wrong with it; 1 if anything is. Raises Misuse without a file.

    Of a policy that keeps quiet what scores low, or would, also what that would have done, where the archive is known.
    """
    policy, complaints = examine(path)
    version = policy.name if policy is not None else None
    past = _past(policy, origin) if policy is not None else None
    if as_json:
        told = {"policy_version": version, "complaints": [complaint._asdict() for complaint in complaints]}
        print(json.dumps(told | ({} if past is None else {"past": past.told()})))
    elif policy is not None:
        print(f"{path}: valid; decisions will name it {version}")
        if past is not None:
            print(*past.lines(), sep="\n")
        elif policy.suppresses:
            print("`suppress` is on: with --archive DIR you see what it would have done in the last weeks")
    else:
        for complaint in complaints:
            print(f"{path}: {complaint}")
    return int(bool(complaints))


def _past(policy: Policy, origin: Lookback) -> "Past | None":
    root = origin.archive or (read_settings().archive if policy.suppresses else None)
    if root is None:
        return None
    from pipeline.command.shadow import past_of  # noqa: PLC0415 - the core and DuckDB, only where there is an archive

    return past_of(root, policy, origin.weeks, learned_of(origin.model, read_settings()))


def run_explain(event: str, at: str | None, policy_file: Path | None, *, as_json: bool) -> None:
    """Print what the policy makes of each alert in `event`. Raises Misuse, naming what is wrong."""
    policy = policy_of(policy_file, read_settings())
    body, at_ms = _body(event), _moment_ms(at)
    try:
        alerts = alerts_in(body, at_ms, policy)
    except Rejected as exc:
        raise Misuse(f"{_name(event)}{exc}") from None
    for number, alert in enumerate(alerts):
        found = explain(alert, policy)
        if as_json:
            print(json.dumps(_told(found, policy)))
        else:
            print(*([""] if number else []), *words.lines(found, policy), sep="\n")


def run_suggest(path: Path, source: str, policy_file: Path | None, *, as_json: bool) -> None:
    """Print which labels the recorded events say to drop, as a line for the policy. Raises Misuse."""
    policy = policy_of(policy_file, read_settings())
    if source not in SOURCES:
        raise Misuse(f"--source {source}: there are {', '.join(SOURCES)}")
    try:
        with ExitStack() as opened:
            raw = opened.enter_context(path.open("rb", buffering=0))
            found = suggest(with_progress(raw, path, opened), source, policy)
    except OSError as exc:
        raise Misuse(f"{path}: {exc.strerror or exc}") from None
    if found.rejected and not found.events:
        raise no_event_in(path, source)
    if as_json:
        told = found._asdict() | {"proposals": [proposal._asdict() for proposal in found.proposals]}
        print(json.dumps(told))
        return
    print(f"# {found.events} events, {found.rejected} rejected")
    for proposal in found.proposals:
        print(f"# {proposal.evidence}")
    print(found.line if found.line is not None else "# Nothing to propose: no label changes while the rest stays.")


def _moment_ms(at: str | None) -> int:
    if at is None:
        return time.time_ns() // 1_000_000
    try:
        return instant_ms(at)
    except ValueError as exc:
        raise Misuse(f"--at {at}: {exc}") from None


def alerts_in(body: bytes, at_ms: int, policy: Policy) -> list[Alert]:
    """The alerts of a body of whatever monitor. Raises Rejected if one of them is none."""
    parsed = parse(guess(body), body, at_ms)
    if parsed.rejected:
        raise parsed.rejected[0]
    return [identify(claim, None, policy) for claim in parsed.claims]


def _name(event: str) -> str:
    """What a complaint about `event` begins with: the file, if it stands in one."""
    if event == "-":
        return "stdin: "
    return "" if event.lstrip().startswith(("{", "[")) else f"{event}: "


def _body(event: str) -> bytes:
    """The JSON itself, what stands on stdin (`-`), or a file."""
    if event.lstrip().startswith(("{", "[")):
        return event.encode("utf-8", "surrogateescape")
    try:
        if event == "-":
            body = sys.stdin.buffer.read(MAX_RECORD_BYTES + 1)
        else:
            with Path(event).open("rb") as file:
                body = file.read(MAX_RECORD_BYTES + 1)
    except OSError as exc:
        raise Misuse(f"{event}: {exc.strerror or exc}; expected JSON, a file with it, or - for stdin") from None
    if len(body) > MAX_RECORD_BYTES:
        raise Misuse(f"{event}: more than {MAX_RECORD_BYTES} bytes, so hardly one event")
    return body


def _told(found: Explanation, policy: Policy) -> dict[str, Any]:
    """The explanation for a program; durations in ms, as everywhere in our records."""
    course = found.course
    return {
        "at": rfc3339(found.alert.at_ms),
        "policy_version": found.policy_version,
        "is_resolve": found.is_resolve,
        "fingerprint": found.alert.fingerprint,
        "source_fingerprint": found.alert.source_fingerprint,
        "scope": found.scope,
        "group": found.group,
        "route": found.route,
        "passed": [{"route": one.route, "matcher": str(one.matcher), "value": one.value} for one in found.passed],
        "page_now": _texts(found.page_now),
        "reason": course.decision.reason.value,
        "paged": course.decision.paged,
        "quiet": [
            {"reason": one.reason.value, "because": words.because(one, found, policy), "until": _time(one.until_ms)}
            for one in found.waiting
        ],
        "inhibited_by": [
            {"source": _texts(one.source), "equal": one.equal, "unlike": _texts(one.unlike)} for one in found.inhibitors
        ],
        "pages_at": _time(course.pages_at_ms),
        "page_reason": course.page_reason and course.page_reason.value,
        "crowded_at": _time(course.crowded_at_ms),
        "repeats_at": _time(course.repeats_at_ms),
        "over_at": _time(course.over_at_ms),
        "resolves_at": _time(course.resolves_at_ms),
        "rule": {name: getattr(found.rule, name) for name in Rule.model_fields},
        "flap_changes": found.flap_changes,
        "flap_ends_after_ms": found.flap_ends_after_ms,
    }


def _texts(matchers: tuple[Matcher, ...] | None) -> list[str] | None:
    return None if matchers is None else [str(matcher) for matcher in matchers]


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)
