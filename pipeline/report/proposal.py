"""A proposal is one change that would have made a template quieter, ready to paste, for a reason that was counted."""

import json
import re
from enum import StrEnum
from math import ceil
from typing import NamedTuple

from pipeline.core.matcher import Matcher
from pipeline.core.policy import Policy
from pipeline.report.companion import Companion
from pipeline.report.template import Noisy
from schemas import Severity

OFFICE: dict[str, object] = {
    "name": "office-hours",
    "time_intervals": [
        {"times": [{"start_time": "08:00", "end_time": "18:00"}], "weekdays": ["monday:friday"]},
    ],
}
_OURS = "# or in the policy of pagesieve\n"
_OFFICE_WRITTEN = """time_intervals:
- name: office-hours
  time_intervals:
  - times: [{start_time: "08:00", end_time: "18:00"}]
    weekdays: ["monday:friday"]"""
ENOUGH_CRITICAL = 5  # judged incidents before what its author called critical is spoken of as if it were none
_UNPRINTABLE = re.compile("[\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")  # YAML takes none of them as it is
Change = dict[str, list[dict[str, object]]]  # lists of the policy, and what stands in front of each


class Kind(StrEnum):
    """What is proposed, by the name of what does it."""

    INHIBIT = "inhibit"
    KEEP_FIRING_FOR = "keep_firing_for"
    FOR = "for"
    ROUTE = "route"
    DEMOTE = "demote"
    DESCRIBE = "describe"


class Proposal(NamedTuple):
    """What to do, why, and what to paste where; `change`: what of our policy does the same, None: nothing is to."""

    kind: Kind
    title: str
    why: str
    where: str
    paste: str
    change: Change | None = None


def proposal_for(noisy: Noisy, companion: Companion | None = None) -> Proposal | None:
    """The first that fits; None where every page was worth it. `companion`: the critical alert that it comes with."""
    if companion and noisy.severity != Severity.CRITICAL:
        return _inhibit(noisy, companion)
    if noisy.flap.whole and noisy.flap.part * 2 >= noisy.flap.whole:
        return _keep_firing(noisy)
    if noisy.transient.whole > 1 and noisy.transient.part * 2 >= noisy.transient.whole:
        return _hold(noisy)
    if noisy.actionable.whole > 1 and noisy.actionable.part * 10 <= noisy.actionable.whole:
        if noisy.severity != Severity.CRITICAL:
            return _route(noisy)
        return _demote(noisy) if not noisy.actionable.part and noisy.actionable.whole >= ENOUGH_CRITICAL else None
    return _describe(noisy) if noisy.runbook is None or noisy.owner is None else None


def applied(policy: Policy, change: Change) -> Policy:
    """The policy with the change before all else."""
    said = policy.model_dump(by_alias=True, exclude_unset=True)
    for name, items in change.items():
        said[name] = [*items, *said.get(name, ())]
    return Policy.model_validate(said)


def route(noisy: Noisy, **what: object) -> Change:
    """A route for the template."""
    return {"routes": [{"name": noisy.name, "match": matcher(noisy.name), **what}]}


def _at_work(noisy: Noisy) -> Change:
    return {**route(noisy, page_during=["office-hours"]), "time_intervals": [OFFICE]}


def matcher(name: str) -> str:
    """A matcher of the template's name, as Alertmanager writes it."""
    return str(Matcher("alertname", "=", name))


def _inhibit(noisy: Noisy, companion: Companion) -> Proposal:
    source, target, equal = matcher(companion.name), matcher(noisy.name), list(companion.equal)
    same = ", ".join(map(_text, equal))
    rule = (
        f"inhibit_rules:\n- source_matchers: [{_text(source)}]\n  target_matchers: [{_text(target)}]\n  equal: [{same}]"
    )
    ours = f"{_OURS}inhibit:\n- source: {_text(source)}\n  target: {_text(target)}\n  equal: [{same}]"
    return Proposal(
        Kind.INHIBIT,
        f"Do not page beside {companion.name}",
        f"{companion.together.part} of {companion.together.whole} times it came while {companion.name}, which is "
        "critical, had been firing already.",
        "Alertmanager. Or in the policy of pagesieve:",
        f"{rule}\n\n{ours}",
        {"inhibit": [{"source": source, "target": target, "equal": equal}]},
    )


def _hold(noisy: Noisy) -> Proposal:
    minutes = max(1, min(10, ceil(noisy.quick_ms / 60_000)))
    rule = f"- alert: {_text(noisy.name)}\n  # expr as it is\n  for: {minutes}m"
    return Proposal(
        Kind.FOR,
        f"Wait {minutes} min before it pages",
        f"{noisy.transient.part} of {noisy.transient.whole} were over within ten minutes, before anybody touched them.",
        f"Prometheus rule; longer by {minutes} min than its “for” is now. Or in the policy of pagesieve:",
        f"{rule}\n\n{_ours(noisy, f'hold: {minutes}m')}",
        route(noisy, hold=f"{minutes}m"),
    )


def _keep_firing(noisy: Noisy) -> Proposal:
    rule = f"- alert: {_text(noisy.name)}\n  # expr as it is\n  keep_firing_for: 15m"
    return Proposal(
        Kind.KEEP_FIRING_FOR,
        "Let it end only when it is really over",
        f"{noisy.flap.part} of {noisy.flap.whole} incidents flapped.",
        "Prometheus rule. Or in the policy of pagesieve:",
        f"{rule}\n\n{_ours(noisy, 'resolve_after: 15m')}",
        route(noisy, resolve_after="15m"),
    )


def _route(noisy: Noisy) -> Proposal:
    rule = f"- matchers: [{_text(matcher(noisy.name))}]\n  receiver: tickets"
    return Proposal(
        Kind.ROUTE,
        "Make it a ticket: nobody has to get up for it",
        f"Somebody had to act in {noisy.actionable.part} of {noisy.actionable.whole}.",
        "Alertmanager route, before the one that pages. Or page in office hours only, in the policy of pagesieve:",
        f"{rule}\n\n{_in_office_hours(noisy)}",
        _at_work(noisy),
    )


def _demote(noisy: Noisy) -> Proposal:
    rule = f"- alert: {_text(noisy.name)}\n  # expr as it is\n  labels:\n    severity: warning"
    return Proposal(
        Kind.DEMOTE,
        "It calls itself critical, and nobody ever had to act: call it a warning, and let it wait for the morning",
        f"Somebody had to act in {noisy.actionable.part} of {noisy.actionable.whole}. Ask its owner first.",
        "Prometheus rule. And page in office hours only, in the policy of pagesieve:",
        f"{rule}\n\n{_in_office_hours(noisy)}",
        _at_work(noisy),
    )


def _describe(noisy: Noisy) -> Proposal:
    rule = f"- alert: {_text(noisy.name)}"
    lacking = []
    if noisy.owner is None:
        lacking.append("owner")
        rule += "\n  labels:\n    team: …"
    if noisy.runbook is None:
        lacking.append("runbook")
        rule += "\n  annotations:\n    runbook_url: https://…"
    title = "Write down what to do" if noisy.owner else "Say whose it is"
    title = title if len(lacking) == 1 else "Say whose it is, and what to do"
    why = f"It names no {' and no '.join(lacking)}. It will page as before."
    return Proposal(Kind.DESCRIBE, title, why, "Prometheus rule", rule)


def _in_office_hours(noisy: Noisy) -> str:
    return f"{_ours(noisy, 'page_during: [office-hours]')}\n{_OFFICE_WRITTEN}"


def _ours(noisy: Noisy, what: str) -> str:
    return f"{_OURS}routes:\n- name: {_text(noisy.name)}\n  match: {_text(matcher(noisy.name))}\n  {what}"


def _text(value: str) -> str:
    """As YAML in quotes, whatever is in it: in single ones, which need no escapes, where they can hold it."""
    if value.isprintable() and not _UNPRINTABLE.search(value):
        return "'" + value.replace("'", "''") + "'"
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
