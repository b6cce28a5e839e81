"""A proposal is one change that would have made a template quieter, ready to paste, for a reason that was counted."""

import json
from math import ceil
from typing import NamedTuple

from pipeline.core.policy import Policy
from pipeline.report.template import Noisy

OFFICE = {
    "name": "office-hours",
    "time_intervals": [
        {"times": [{"start_time": "08:00", "end_time": "18:00"}], "weekdays": ["monday:friday"]},
    ],
}


class Proposal(NamedTuple):
    """What to do, why, and what to paste where; `policy`: keys of a route that do the same here, None: nothing does."""

    title: str
    why: str
    where: str
    paste: str
    route: dict[str, object] | None = None


def proposal_for(noisy: Noisy) -> Proposal | None:
    """The first that fits; None where every page was worth it."""
    if noisy.flap.whole and noisy.flap.part * 2 >= noisy.flap.whole:
        return _keep_firing(noisy)
    if noisy.transient.whole > 1 and noisy.transient.part * 2 >= noisy.transient.whole:
        return _hold(noisy)
    if noisy.actionable.whole > 1 and noisy.actionable.part * 10 <= noisy.actionable.whole:
        return None if noisy.severity == "critical" else _demote(noisy)
    return _runbook(noisy) if noisy.runbook is None else None


def applied(policy: Policy, noisy: Noisy, route: dict[str, object]) -> Policy:
    """The policy with a route for the template before all others."""
    said = policy.model_dump(by_alias=True, exclude_unset=True)
    said["routes"] = [{"name": "proposed", "match": _match(noisy), **route}, *said.get("routes", ())]
    if "page_during" in route:
        said["time_intervals"] = [OFFICE, *said.get("time_intervals", ())]
    return Policy.model_validate(said)


def _hold(noisy: Noisy) -> Proposal:
    minutes = max(1, min(10, ceil(noisy.quick_ms / 60_000)))
    rule = f"- alert: {json.dumps(noisy.name)}\n  # expr as it is\n  for: {minutes}m"
    return Proposal(
        f"Wait {minutes} min before it pages",
        f"{noisy.transient.part} of {noisy.transient.whole} were over within ten minutes, before anybody touched them.",
        f"Prometheus rule; longer by {minutes} min than its `for` is now. Or in the policy of pagesieve:",
        f"{rule}\n\n{_route(noisy, f'hold: {minutes}m')}",
        {"hold": f"{minutes}m"},
    )


def _keep_firing(noisy: Noisy) -> Proposal:
    rule = f"- alert: {json.dumps(noisy.name)}\n  # expr as it is\n  keep_firing_for: 15m"
    return Proposal(
        "Let it end only when it is really over",
        f"{noisy.flap.part} of {noisy.flap.whole} incidents flapped.",
        "Prometheus rule. Or in the policy of pagesieve:",
        f"{rule}\n\n{_route(noisy, 'resolve_after: 15m')}",
        {"resolve_after": "15m"},
    )


def _demote(noisy: Noisy) -> Proposal:
    name = json.dumps(f"alertname={json.dumps(noisy.name)}")
    return Proposal(
        "Make it a ticket: nobody has to get up for it",
        f"Somebody had to act in {noisy.actionable.part} of {noisy.actionable.whole}.",
        "Alertmanager route, before the one that pages. Or page in office hours only, in the policy of pagesieve:",
        f"- matchers: [{name}]\n  receiver: tickets\n\n{_route(noisy, 'page_during: [office-hours]')}\n"
        f"time_intervals: {json.dumps([OFFICE])}",
        {"page_during": ["office-hours"]},
    )


def _runbook(noisy: Noisy) -> Proposal:
    rule = f"- alert: {json.dumps(noisy.name)}\n  annotations:\n    runbook_url: https://…"
    return Proposal("Write down what to do", "It names no runbook.", "Prometheus rule", rule)


def _match(noisy: Noisy) -> str:
    """A matcher of the template's name; as JSON writes a text, so does Alertmanager."""
    return f"alertname={json.dumps(noisy.name)}"


def _route(noisy: Noisy, what: str) -> str:
    return f"routes:\n- name: {json.dumps(noisy.name)}\n  match: {json.dumps(_match(noisy))}\n  {what}"
