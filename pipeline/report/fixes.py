"""What fixes really did: pages before and after each change of the policy, and after each proposal of last week.

A change of the policy is seen in the decisions, which name the policy that made them; what it says stands in the log.
What is compared is what its matchers match: seven days before it with all that came after, to the end of the week,
each with its days, since a change on a Friday had little time to help. A rule that was changed in Prometheus or
Alertmanager leaves no trace here: of each proposal of last week it is said what its template did since, whether
somebody did something or not.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import orjson

from pipeline.core.matcher import all_match, parse_matchers
from pipeline.core.policy import Policy
from pipeline.report.advice import proposals
from pipeline.report.facts import DAY_MS, WEEK_MS, Case, Period
from pipeline.report.kpi import Ratio
from pipeline.report.past import Replaced, policies, replaced_in
from pipeline.report.query import Archive

MOST_FIXES = 15
# What a policy lists, what one of them is called, and which of its matchers says what it is about.
_LISTS = (("routes", "match"), ("inhibit", "target"), ("silences", "match"), ("maintenance", "match"))
_NOT_TOLD = {"version", "time_intervals", *(name for name, _ in _LISTS)}


class Side(NamedTuple):
    """How often what it is about paged, and in how many incidents, in so many days."""

    pages: int
    incidents: int
    days: float


class Fix(NamedTuple):
    """Something that was changed or proposed. `missed`: of what told nobody since, that which needed somebody."""

    what: str
    since_ms: int | None  # None: it was proposed, and nothing of the kind was seen in our policy
    policy: str | None
    before: Side
    after: Side
    missed: Ratio


class _Item(NamedTuple):
    """One thing that a policy says and the other does not."""

    what: str
    concerns: Callable[[Case], bool]


def fixes(archive: Archive, period: Period, policy: Policy) -> list[Fix]:
    """Of the week `period` and the one before: what was changed, and what last week's report proposed beside that."""
    # The first policy of a log took over from none, so that only its name may be known.
    known = {one.name: one.content for one in (Policy(), policy)} | policies(archive)
    found, concerned = list[Fix](), set[str]()
    for replaced in replaced_in(archive, Period(period.earlier(1).from_ms, period.until_ms)):
        at_ms = replaced.at_ms
        sides = Period(at_ms - WEEK_MS, at_ms), Period(at_ms, period.until_ms)
        for item in _items(known, replaced):
            found.append(_fix(archive, item, sides)._replace(since_ms=at_ms, policy=replaced.after))
            concerned |= {case.template for case in archive.cases if item.concerns(case)}
    last = archive.facts(period.earlier(1))
    for noisy, proposal in proposals(last):
        if proposal and noisy.template not in concerned:
            item = _Item(f"{noisy.name}: {proposal.title}", partial(_is_of, noisy.template))
            found.append(_fix(archive, item, (last.period, period)))
    return found[:MOST_FIXES]


def _fix(archive: Archive, item: _Item, sides: tuple[Period, Period]) -> Fix:
    ids = {case.incident_id for case in archive.cases if item.concerns(case)}
    before, after = (_side(archive, ids, side) for side in sides)
    quiet = [
        case.is_actionable is True
        for case in archive.cases
        if case.incident_id in ids and sides[1].has(case.opened_ms) and not case.is_paged
    ]
    return Fix(item.what, None, None, before, after, Ratio(sum(quiet), len(quiet)))


def _side(archive: Archive, ids: set[str], period: Period) -> Side:
    told = [page.incident_id for page in archive.pages if period.has(page.at_ms) and page.incident_id in ids]
    return Side(len(told), len(set(told)), round((period.until_ms - period.from_ms) / DAY_MS, 1))


def _items(known: dict[str, str], replaced: Replaced) -> Iterator[_Item]:
    unknown = [name for name in replaced[1:] if name not in known]
    if unknown:
        yield _Item(f"another policy; what {' and '.join(unknown)} says is not in the archive", lambda _: True)
        return
    old, new = (orjson.loads(known[name]) for name in replaced[1:])
    for name, match in _LISTS:
        was, now = old.get(name, []), new.get(name, [])
        yield from (_Item(_said(name, one), _matching(one[match])) for one in now if one not in was)
        yield from (_Item(f"no longer {_said(name, one)}", _matching(one[match])) for one in was if one not in now)
    for name in sorted({*old, *new} - _NOT_TOLD):
        if old.get(name) != new.get(name):
            said = [_short(one[name]) if name in one else "as by default" for one in (old, new)]
            yield _Item(f"{name}: {said[0]}, now {said[1]}", lambda _: True)


def _said(name: str, one: dict[str, Any]) -> str:
    """An entry of one of the lists, in few words."""
    if name == "routes":
        return f"route {one['name']}: " + ", ".join(
            f"{key} {_short(value)}" for key, value in one.items() if key not in {"name", "match"}
        )
    if name == "inhibit":
        return f"inhibit {_short(one['target'])} beside {_short(one['source'])}"
    return f"{'silence' if name == 'silences' else 'maintenance'} of {_short(one['match'])}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _matching(matchers: Iterable[str]) -> Callable[[Case], bool]:
    found = parse_matchers(list(matchers))

    def concerns(case: Case) -> bool:
        # As the policy sees an alert: with its name and severity even where the source has no such labels.
        return all_match(found, {"alertname": case.name, "severity": case.severity} | dict(case.labels))

    return concerns


def _is_of(template: str, case: Case) -> bool:
    return case.template == template
