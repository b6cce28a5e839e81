"""An explanation in the words of somebody who is asked at night why the pager is silent. Times are UTC."""

from collections.abc import Iterable, Iterator, Mapping

from pipeline.core.duration import hold_written, written
from pipeline.core.matcher import Matcher, all_match
from pipeline.core.policy import Policy
from pipeline.core.silence import END_MS
from pipeline.core.timestamp import rfc3339
from pipeline.explain import Explanation
from pipeline.explain.forecast import HORIZON_MS, Waiting
from schemas import Alert, Reason

_WIDTH = 13


def lines(found: Explanation, policy: Policy) -> Iterator[str]:
    """What a person reads, a line each."""
    yield heading(found)
    if found.is_resolve:
        yield "It is a resolve: it ends its alert, and opens nothing. What follows is about its firing."
    for title, said in parts(found, policy):
        for number, line in enumerate(said):
            yield f"{title if number == 0 else '':<{_WIDTH}}{line}"


def heading(found: Explanation) -> str:
    """Which alert it is about, when, and by which policy."""
    return f"{_alert(found.alert)} at {in_full(found.alert.at_ms)}, by policy {found.policy_version}"


def parts(found: Explanation, policy: Policy) -> list[tuple[str, list[str]]]:
    """What is said of it, by title."""
    said: list[tuple[str, Iterable[str]]] = [
        ("identity", _identity(found)),
        ("route", _route(found)),
        ("now", _now(found, policy)),
        ("pages", _pages(found)),
        ("unless", _unless(found, policy)),
        ("ends", _ends(found)),
        ("flapping", _flapping(found)),
    ]
    return [(title, list(about)) for title, about in said]


def because(waiting: Waiting, found: Explanation, policy: Policy) -> str:
    """What in the policy keeps the alert quiet."""
    labels, at_ms = found.alert.labels, found.alert.at_ms
    if waiting.reason is Reason.SILENCED:
        told = [
            silence.comment or _matchers(silence.match)
            for silence in policy.silences
            if silence.starts_at_ms <= at_ms < silence.ends_at_ms and all_match(silence.match, labels)
        ]
        return "silence: " + "; ".join(told)
    if waiting.reason is Reason.MUTED:
        return "; ".join(_mutes(found, policy))
    if waiting.reason is Reason.HELD:
        return f"hold {hold_written(found.rule.hold_ms)}"
    return f"at_least {found.rule.at_least}: this one counts, {found.rule.at_least - 1} more must fire beside it"


def when(at_ms: int, now_ms: int) -> str:
    """A time as short as it can be understood: the day only if it is another."""
    if at_ms >= END_MS:
        return "the end of the calendar"
    day, clock = rfc3339(at_ms).removesuffix("Z").split("T")
    clock = clock.removesuffix(".000")
    return clock if day == rfc3339(now_ms).partition("T")[0] else f"{day} {clock}"


def in_full(at_ms: int) -> str:
    """A time with its day and zone."""
    return rfc3339(at_ms).replace("T", " ").removesuffix("Z").removesuffix(".000") + " UTC"


def _mutes(found: Explanation, policy: Policy) -> Iterator[str]:
    at_ms, rule = found.alert.at_ms, found.rule
    for name in rule.mute_during:
        if policy.intervals[name].contains(at_ms):
            yield f"mute_during {name}"
    for window in policy.maintenance:
        names = [name for name in window.during if policy.intervals[name].contains(at_ms)]
        if names and all_match(window.match, found.alert.labels):
            yield f"maintenance {window.comment or _matchers(window.match)} ({', '.join(names)})"
    if rule.page_during and not any(policy.intervals[name].contains(at_ms) for name in rule.page_during):
        yield f"outside of page_during {', '.join(rule.page_during)}"


def _identity(found: Explanation) -> Iterator[str]:
    theirs = found.alert.source_fingerprint
    yield found.alert.fingerprint + (f", in Prometheus {theirs}" if theirs else "")
    rule = found.rule
    if rule.group_by is None:
        yield (
            f"scope {found.scope}, correlated: shares an incident with alerts like it in words and labels that come as "
            f"soon after one another as their rhythm says, and within {written(rule.max_age_ms)} of the first"
        )
        return
    yield (
        f"scope {found.scope}, group {_pairs(found.group)}: shares an incident with others of that group that come "
        f"within {written(rule.gap_ms)} of each other and {written(rule.max_age_ms)} of the first"
    )


def _route(found: Explanation) -> Iterator[str]:
    yield found.route if found.route is not None else "none matches, so what stands above the routes holds"
    for route, matcher, value in found.passed:
        yield f"not {route}: {matcher}, but {matcher.name} is {'missing' if value is None else repr(value)}"
    if found.page_now is not None:
        yield f"page_now names it, by {_matchers(found.page_now)}: never held, counted or put into a storm"


def _now(found: Explanation, policy: Policy) -> Iterator[str]:
    reason = found.course.decision.reason
    yield f"{reason.value}: {reason.sentence}"
    for waiting in found.waiting:
        until = "" if waiting.until_ms is None else f", until {when(waiting.until_ms, found.alert.at_ms)}"
        yield f"{waiting.reason.value} by {because(waiting, found, policy)}{until}"


def _pages(found: Explanation) -> Iterator[str]:
    course, at_ms = found.course, found.alert.at_ms
    if course.pages_at_ms == at_ms:
        yield "now"
    elif course.pages_at_ms is not None and course.page_reason is not None:
        yield (
            f"at {when(course.pages_at_ms, at_ms)} if it still fires ({course.page_reason.value}: "
            f"{course.page_reason.sentence})"
        )
    elif course.crowded_at_ms is not None:
        since = "" if course.crowded_at_ms == at_ms else f", from {when(course.crowded_at_ms, at_ms)} on"
        yield f"when {found.rule.at_least - 1} more of its route fire with it{since}; alone never"
    else:
        yield f"not within {written(HORIZON_MS)}"
    if course.repeats_at_ms is not None and found.rule.repeat_after_ms is not None:
        every = written(found.rule.repeat_after_ms)
        yield f"again at {when(course.repeats_at_ms, at_ms)} and every {every} until somebody acknowledges"
    elif found.rule.repeat_after_ms is None:
        yield "once: repeat_after is not set"


def _unless(found: Explanation, policy: Policy) -> Iterator[str]:
    for source, equal, unlike in found.inhibitors:
        same = f" with {_pairs(equal)}" if equal else ""
        not_like = f" and not {_matchers(unlike)}" if unlike is not None else ""
        yield f"an alert that matches {_matchers(source)}{not_like}{same} fires: then it is inhibited while that fires"
    if found.rule.holds_as_learned and found.page_now is None:
        most_ms = min(found.rule.hold_at_most_ms, policy.guardrails.max_hold_ms)
        yield (
            "its past, which is not known here, says that it will soon be over by itself and no guardrail names it: "
            f"then it is held, for {written(most_ms)} at most"
        )
    yield "an incident of its group is open and was paged: then it joins, and pages only if it is more severe"
    yield "a silence set meanwhile names it: those are in the log, and not known here"


def _ends(found: Explanation) -> Iterator[str]:
    course, at_ms, rule = found.course, found.alert.at_ms, found.rule
    yield (
        f"its incident resolves {written(rule.resolve_after_ms)} after all in it has, and with it the page; the same "
        f"alert within {written(rule.reopen_within_ms)} of that reopens it, and pages again"
    )
    if course.over_at_ms is not None:
        yield f"heard of no more, it is over at {when(course.over_at_ms, at_ms)}"
    else:
        yield f"heard of no more, it is not over within {written(HORIZON_MS)}"


def _flapping(found: Explanation) -> Iterator[str]:
    calm_ms = round(found.flap_ends_after_ms, -3)
    yield (
        f"begins with {found.flap_changes} quick changes between firing and resolved, the first firing counted, and "
        f"ends {written(calm_ms)} after the last of them: told once, and one incident all the while"
    )


def _alert(alert: Alert) -> str:
    return f"{alert.name}{{{_pairs(alert.labels)}}}, {alert.severity.value},"


def _pairs(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{label}={value}" for label, value in labels.items())


def _matchers(matchers: tuple[Matcher, ...]) -> str:
    return f"{{{', '.join(map(str, matchers))}}}"
