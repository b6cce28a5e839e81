"""What each line of a policy allows and the whole makes senseless: it is refused, for somebody meant something else."""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

from pipeline.core.duration import written
from pipeline.core.matcher import Matcher
from pipeline.core.policy import Policy, Rule
from pipeline.core.silence import END_MS
from pipeline.core.topology import faults_of
from pipeline.policy_file.lines import Path

Found = tuple[Path, str]  # where, and what is wrong with it
_WORDS = re.compile(r"[^\\.+*?()\[\]{}^$]*")  # a regular expression that is nothing but words and bars


def contradictions(policy: Policy) -> Iterator[Found]:
    """Everything that can never do what it says. Sound: what is named here really has no effect."""
    yield from _doubled("routes", [route.name for route in policy.routes])
    yield from _doubled("time_intervals", [interval.name for interval in policy.time_intervals])
    yield from _impossible(policy)
    yield from _unreachable(policy)
    yield from _page_now(policy)
    for index, silence in enumerate(policy.silences):
        if silence.ends_at_ms <= silence.starts_at_ms:
            yield ("silences", index, "ends_at"), "is not after starts_at, so this never silences anything"
        elif silence.ends_at_ms >= END_MS and covers(silence.match, ()):
            yield ("silences", index, "match"), "matches everything, and has no ends_at: nobody would ever be paged"
    for index, inhibition in enumerate(policy.inhibit):
        if covers(inhibition.source, inhibition.target) and covers(inhibition.target, inhibition.source):
            where = ("inhibit", index)
            yield where, "source and target match the same alerts, and none inhibits itself: this never inhibits"
    for index, place, fault in faults_of(policy.topology.services):
        part: Path = ("name",) if place is None else ("depends_on", place)
        yield ("topology", "services", index, *part), fault
    yield from _dropped(policy, "scope", (), policy.scope)
    for path, given, rule in _rules(policy):
        yield from _within(path, given, rule)
        if "group_by" in given and rule.group_by is not None:
            yield from _dropped(policy, "group_by", path, rule.group_by)


def covers(wide: Iterable[Matcher], narrow: Iterable[Matcher]) -> bool:
    """Whether whatever matches `narrow` is known to match `wide`; False may also mean that it is hard to tell."""
    narrow = tuple(narrow)
    return all(_is_always(one) or any(_implies(other, one) for other in narrow) for one in wide)


def _implies(narrow: Matcher, wide: Matcher) -> bool:
    if narrow == wide:
        return True
    values = _values(narrow)
    return narrow.name == wide.name and values is not None and all(wide.matches({wide.name: v}) for v in values)


def _excludes(one: Matcher, other: Matcher) -> bool:
    values = _values(one)
    return one.name == other.name and values is not None and not any(other.matches({other.name: v}) for v in values)


def _is_always(matcher: Matcher) -> bool:
    return matcher.op == "=~" and matcher.value == ".*"


def _values(matcher: Matcher) -> list[str] | None:
    """All values that it matches, where they are few."""
    if matcher.op == "=":
        return [matcher.value]
    return matcher.value.split("|") if matcher.op == "=~" and _WORDS.fullmatch(matcher.value) else None


def _doubled(field: str, names: list[str]) -> Iterator[Found]:
    for index, name in enumerate(names):
        if (first := names.index(name)) != index:
            yield (field, index, "name"), f"{field}[{first}] has this name too, and decisions and people go by it"


def _impossible(policy: Policy) -> Iterator[Found]:
    """Matchers that no alert can meet."""
    places: list[tuple[Path, tuple[Matcher, ...]]] = [
        *((("routes", n, "match"), route.match) for n, route in enumerate(policy.routes)),
        *((("page_now", n), match) for n, match in enumerate(policy.page_now)),
        *((("silences", n, "match"), silence.match) for n, silence in enumerate(policy.silences)),
        *((("maintenance", n, "match"), window.match) for n, window in enumerate(policy.maintenance)),
        *((("inhibit", n, "source"), rule.source) for n, rule in enumerate(policy.inhibit)),
        *((("inhibit", n, "target"), rule.target) for n, rule in enumerate(policy.inhibit)),
    ]
    for path, match in places:
        for one, other in combinations(match, 2):
            if _excludes(one, other) or _excludes(other, one):
                yield path, f"no alert can have both {one} and {other}; all of them must match"
                break


def _unreachable(policy: Policy) -> Iterator[Found]:
    for index, route in enumerate(policy.routes):
        for before, earlier in enumerate(policy.routes[:index]):
            if covers(earlier.match, route.match):
                what = "everything" if covers(earlier.match, ()) else "all that this one does"
                yield (
                    ("routes", index, "match"),
                    f"never decides: routes[{before}] ({earlier.name}) stands before it and matches {what}",
                )
                break


def _page_now(policy: Policy) -> Iterator[Found]:
    """Lines of `page_now` that add nothing, and what they leave without effect."""
    for index, match in enumerate(policy.page_now):
        for before, earlier in enumerate(policy.page_now[:index]):
            if covers(earlier, match):
                yield ("page_now", index), f"page_now[{before}] names all of these already"
                break
    matched = [((), (), policy), *((("routes", n), route.match, route) for n, route in enumerate(policy.routes))]
    for path, match, rule in matched:
        named = next((n for n, named in enumerate(policy.page_now) if covers(named, match)), None)
        if named is None:
            continue
        for field, waits in (("hold", rule.hold_ms != 0), ("at_least", rule.at_least > 1)):
            if waits:
                yield (*path, field), f"has no effect: page_now[{named}] names every alert for which it would hold"


def _dropped(policy: Policy, field: str, path: Path, labels: tuple[str, ...]) -> Iterator[Found]:
    for index, label in enumerate(labels):
        if label in policy.drop_labels:
            yield (
                (*path, field, index),
                f"drop_labels says that {label} only tells twins of one alert apart, and this keeps them apart",
            )


def _rules(policy: Policy) -> Iterator[tuple[Path, set[str], Rule]]:
    """Each rule that holds somewhere, with what is written of it and where."""
    yield (), policy.model_fields_set, policy
    for index, route in enumerate(policy.routes):
        yield ("routes", index), route.model_fields_set, policy.rules[index]


def _within(path: Path, given: set[str], rule: Rule) -> Iterator[Found]:
    """Values that undo each other within one rule; said where one of them is written."""
    if given & {"gap_ms", "max_age_ms"} and rule.gap_ms > rule.max_age_ms:
        yield (
            (*path, "gap" if "gap_ms" in given else "max_age"),
            f"gap {written(rule.gap_ms)} is longer than max_age {written(rule.max_age_ms)}, which ends it before",
        )
    if given & {"hold_ms", "expire_after_ms"} and rule.hold_ms >= rule.expire_after_ms:
        yield (
            (*path, "hold" if "hold_ms" in given else "expire_after"),
            f"hold {written(rule.hold_ms)} is not shorter than expire_after {written(rule.expire_after_ms)}: what is "
            "heard of once is over before its page would go out, and never pages",
        )
    yield from _learned_hold(path, given, rule)
    is_never = rule.page_during != () and set(rule.page_during) <= set(rule.mute_during)
    if given & {"page_during", "mute_during"} and is_never:
        yield (
            (*path, "page_during" if "page_during" in given else "mute_during"),
            "all of page_during is in mute_during too, so nobody is ever paged",
        )


def _learned_hold(path: Path, given: set[str], rule: Rule) -> Iterator[Found]:
    """What only says how `hold: auto` holds, where nothing is held so."""
    if rule.holds_as_learned:
        return
    for field, name in (("patience_ms", "patience"), ("hold_at_most_ms", "hold_at_most"), ("hold_critical",) * 2):
        if path and field in given:
            yield (*path, name), f"has no effect: it says how hold auto holds, and hold is {written(rule.hold_ms)} here"
