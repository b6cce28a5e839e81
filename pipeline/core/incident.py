"""All transitions of an incident live in this file.

| from | when | to | page |
| --- | --- | --- | --- |
| - | an alert fits no open incident | open | trigger, unless all in it is quiet |
| open | a person acknowledges | acknowledged | - |
| acknowledged | that is taken back, or they say that it is over | open | - |
| open, acknowledged | an alert more severe than what was paged | the same | update |
| open | `repeat_after` passed and nobody acknowledged | open | update |
| open, acknowledged | nothing in it is alive, for `resolve_after` | resolved | resolve, if anyone was paged |
| resolved | one of its own alerts fires within `reopen_within` | open | trigger |
| open, acknowledged | its alerts turn out to belong to an older one | merged | resolve, saying where it goes on |
| resolved, merged | `reopen_within` passed | forgotten | - |

It never opens from a resolve, and never grows after it resolved: a stranger that comes then opens another. A page
that was triggered is always resolved, also if all in it was silenced meanwhile. A severity that falls changes nothing.

The one that pages for alerts that cannot be remembered stays open until their time has passed too, and there is room.
"""

from array import array
from typing import NamedTuple

from pipeline.core.actionability.scoring import template_key
from pipeline.core.columns import FOREVER_MS
from pipeline.core.describe import team_of
from pipeline.core.fingerprint import incident_id
from pipeline.core.incidents import Incidents, Open
from pipeline.core.live import Live
from pipeline.core.policy import Policy, Rule
from pipeline.core.state import ScopeState
from schemas import Alert, Reason, Score
from schemas.record import fields_of

_SPECIAL = "\1"  # no key of a group begins so


class Opening(NamedTuple):
    """How an incident opens: for which alert, grouped by what, at what time."""

    alert: Alert
    group: dict[str, str]
    key: str  # of the group, for look-up; none: its alerts are found by correlation
    now_ms: int


def special(alert: Alert, kind: str, name: str, now_ms: int) -> Opening:
    """How an incident opens that takes what no group of labels describes; no such group has its key."""
    return Opening(alert, {kind: name}, f"{_SPECIAL}{kind}", now_ms)


def open_incident(state: ScopeState, book: Incidents, opening: Opening, policy: Policy) -> Open:
    """Open one."""
    alert, group, key, now_ms = opening
    fields, nth = fields_of(alert), 0
    while (new_id := incident_id(state.name, fields["fingerprint"], now_ms, nth)) in state.incidents or (
        new_id in state.forgotten
    ):
        nth += 1
    incident = Open(
        book, state.name, new_id, group, key, now_ms, now_ms, now_ms, fields["severity"], team_of(alert, policy)
    )
    if not key.startswith(_SPECIAL):
        incident.template = template_key(alert)
    state.incidents[new_id] = incident
    if key:
        state.by_group[key] = new_id
    return incident


def add(incident: Open, live: Live, now_ms: int) -> None:
    """A new alert joins."""
    live.place = len(incident.members)
    incident.members.append(live.code)
    incident.grew_at_ms = now_ms


def weigh(incident: Open, score: float, scored: Score | None) -> None:
    """One of its alerts has this score: the highest is the incident's."""
    if incident.score is None or score > incident.score:
        incident.score = score
        incident.scored = scored or incident.scored


def account(incident: Open, live: Live, was: tuple[bool, bool, bool]) -> None:
    """Bring the counts up to date after `live` changed; `was` is what `standing` said before."""
    is_alive = live.is_firing or live.is_flapping
    is_loud = is_alive and live.quiet is None
    was_alive, was_loud, was_flapping = was
    incident.alive += is_alive - was_alive
    incident.loud += is_loud - was_loud
    incident.flapping += live.is_flapping - was_flapping
    if is_alive:
        rank = live.severity.rank
        if rank > incident.lead_rank:
            if rank > incident.loud_rank:  # one that is not remembered may be worse
                incident.severity = live.severity
            incident.lead_rank, incident.lead = rank, live.code
        if is_loud and rank > incident.loud_rank:
            incident.loud_rank, incident.loud_lead = rank, live.code
        if live.quiet is not None and live.code == incident.lead:
            incident.quiet = live.quiet  # for good: an alert that is over has no reason any more


def standing(live: Live) -> tuple[bool, bool, bool]:
    """Whether the alert is alive, loud, and flapping."""
    return live.is_alive, live.is_loud, live.is_flapping


def quieten(incident: Open, now_ms: int, rule: Rule) -> int | None:
    """If nothing in it is alive: when it resolves, should all stay so. What is not remembered may fire for longer."""
    if incident.alive:
        return None
    over_ms = now_ms
    if incident.overflow is not None and incident.overflow.over_ms > now_ms:
        over_ms, incident.ended_by = incident.overflow.over_ms, Reason.EXPIRED  # unless that says that it is over
    due_ms, repeats_ms = over_ms + rule.resolve_after_ms, repeats_at_ms(incident, now_ms, rule)
    incident.due_ms = due_ms if repeats_ms is None else min(due_ms, repeats_ms)
    return incident.due_ms


def repeats_at_ms(incident: Open, now_ms: int, rule: Rule) -> int | None:
    """When its page is repeated next for what fires in it but is not remembered; None if it is not."""
    every_ms, paged_at_ms = rule.repeat_after_ms, incident.paged_at_ms
    if every_ms is None or paged_at_ms is None or incident.acknowledged_by is not None:
        return None
    if incident.overflow is None or not incident.overflow.is_loud(now_ms):
        return None
    return paged_at_ms + every_ms * max((now_ms - paged_at_ms) // every_ms + 1, 1)


def revive(incident: Open, rule: Rule) -> int | None:
    """Something in it is alive again. When its page repeats, if it does."""
    incident.due_ms = None
    if incident.paged_at_ms is not None and rule.repeat_after_ms is not None and incident.acknowledged_by is None:
        incident.due_ms = incident.paged_at_ms + rule.repeat_after_ms
    return incident.due_ms


def is_calm(live: Live, now_ms: int, rule: Rule) -> bool:
    """Whether its flapping alone kept the incident open, for so long that it would be another by now."""
    is_alone = live.is_flapping and not live.is_firing and live.incident.alive == 1
    return is_alone and now_ms - live.fired_at_ms > rule.reopen_within_ms


def resolve(state: ScopeState, incident: Open, now_ms: int, rule: Rule) -> int:
    """End it. Until when it may reopen."""
    incident.resolved_at_ms = now_ms
    incident.due_ms = now_ms + rule.reopen_within_ms
    if state.by_group.get(incident.key) == incident.incident_id:
        del state.by_group[incident.key]
    return incident.due_ms


def reopen(state: ScopeState, incident: Open, now_ms: int) -> None:
    """One of its own alerts fires again soon after it resolved: the same problem, so the same id."""
    incident.resolved_at_ms = incident.due_ms = incident.acknowledged_by = None
    incident.paged_rank = incident.paged_at_ms = incident.quiet = None
    incident.score = incident.scored = None
    incident.is_spared = incident.is_quieted = False
    incident.reopened += 1
    incident.grew_at_ms = now_ms
    incident.loud_rank = incident.lead_rank = -1  # of what is alive from now on
    incident.began_ms = FOREVER_MS
    incident.overflow = None  # all that was not remembered is over
    if incident.evidence is not None:
        incident.evidence.reopen()
    if incident.key:
        state.by_group.setdefault(incident.key, incident.incident_id)


def absorb(state: ScopeState, incident: Open, into: Open, now_ms: int, rule: Rule) -> int:
    """Another incident goes on for it. When it may be forgotten."""
    incident.merged_into = into.incident_id
    incident.alive = incident.loud = incident.flapping = 0
    return resolve(state, incident, now_ms, rule)


def forget(state: ScopeState, incident: Open) -> "array[int]":
    """It may not reopen any more: only alerts that name it remember it. The codes of its members."""
    del state.incidents[incident.incident_id]
    if incident.members and incident.template:
        state.judged.remember(incident.incident_id, incident.template, incident.mark)
    incident.is_forgotten = True
    members, incident.members = incident.members, array("Q")
    incident.evidence, incident.overflow, incident.changes = None, None, ()
    incident.outcome = incident.mark = None
    if incident.held:
        state.forgotten[incident.incident_id] = incident
    else:
        incident.book.leave(incident.number)
    return members


def acknowledge(incident: Open, by: str) -> bool:
    """A person says that they are on it. Whether that is news."""
    if incident.resolved_at_ms is not None or incident.acknowledged_by is not None:
        return False
    incident.acknowledged_by = by
    if incident.alive:
        incident.due_ms = None  # no more repeats
    return True


def unacknowledge(incident: Open, now_ms: int, rule: Rule) -> bool:
    """They are not on it any more; its page repeats from now on as if it were paged now. Whether that is news."""
    if incident.resolved_at_ms is not None or incident.acknowledged_by is None:
        return False
    incident.acknowledged_by = None
    if incident.alive and incident.paged_at_ms is not None and rule.repeat_after_ms is not None:
        incident.due_ms = now_ms + rule.repeat_after_ms
    elif not incident.alive and (repeats_ms := repeats_at_ms(incident, now_ms, rule)) is not None:
        incident.due_ms = repeats_ms if incident.due_ms is None else min(repeats_ms, incident.due_ms)
    return True
