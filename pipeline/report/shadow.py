"""What `suppress: on` would have done, before anybody turns it on: in past weeks replayed, or as shadow mode noted."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.actionability.guardrails import Suppress
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts
from pipeline.report.effect import told_of
from pipeline.report.facts import Case, Period
from pipeline.report.misses import Missed, as_if_on, missed
from schemas import Alerts, Control, Guard, Reason

_LATE = (Reason.LASTED, Reason.GROWN)


class Shadow(NamedTuple):
    """Pages by reason without the policy's `suppress` and with it, and what that would have missed.

    `templates`: of which kinds those incidents are that nobody would have been told of. `guards`: alerts with a low
    score that page all the same, by what guards them.
    """

    period: Period
    events: int
    controls: int  # silences, outcomes and changes that were heard again too
    before: Counter[Reason]
    after: Counter[Reason]
    templates: Counter[str]
    guards: Counter[Guard]
    missed: Missed

    @property
    def late(self) -> int:
        """Pages that come late: what was kept quiet for its score first, and lasted or grew."""
        return sum(self.after[reason] for reason in _LATE)


class _Heard:
    """Counts what a replay says in the period."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self.pages, self.guards = Counter[Reason](), Counter[Guard]()

    def hear(self, facts: Facts) -> None:
        """A step led to these."""
        at_ms = {(one.incident_id, one.revision): one.updated_at_ms for one in facts.incidents}
        for page in facts.pages:
            details = page.payload.custom_details
            if details.reason.pages and self._period.has(at_ms.get((details.incident_id, details.revision), 0)):
                self.pages[details.reason] += 1
        for record in facts.decisions:
            for decision in record.decisions:
                if decision.guard is not None and self._period.has(decision.at_ms):
                    self.guards[decision.guard] += 1


def replayed(
    records: Sequence[Alerts | Control],
    policy: Policy,
    period: Period,
    cases: Sequence[Case],
    learned: Learned = NOTHING,
) -> Shadow:
    """Decide `records`, which may begin before `period`, with the policy, and with its `suppress` turned off.

    `cases` are the period's, as they were: what people did is known of those that paged.
    """
    without, with_it = _Heard(period), _Heard(period)
    before = told_of(records, turned_off(policy), period, without.hear, learned)
    after = told_of(records, policy, period, with_it.hear, learned)
    mine = [case for case in cases if period.has(case.opened_ms)]
    quieted = {case.incident_id for case in mine if before.of(case) is not None and after.of(case) is None}
    unheard = [case._replace(is_paged=False, quiet=Reason.SUPPRESSED) for case in mine if case.incident_id in quieted]
    return Shadow(
        period=period,
        events=sum(period.has(one.at_ms) for record in records if isinstance(record, Alerts) for one in record.alerts),
        controls=sum(isinstance(record, Control) for record in records),
        before=without.pages,
        after=with_it.pages,
        templates=Counter(case.name for case in unheard),
        guards=with_it.guards,
        missed=missed(unheard, period),
    )


def turned_on(policy: Policy) -> Policy:
    """The same policy, in which what shadow mode writes down is kept quiet."""
    return _turned(policy, Suppress.SHADOW, Suppress.ON)


def turned_off(policy: Policy) -> Policy:
    """The same policy, in which no score keeps anything quiet."""
    return _turned(policy, Suppress.ON, Suppress.OFF)


def _turned(policy: Policy, before: Suppress, after: Suppress) -> Policy:
    """Wherever it says the one, it says the other; what a route does not say, it obeys still."""
    routes = [
        route.model_copy(update={"suppress": after})
        if route.suppress is before and "suppress" in route.model_fields_set
        else route
        for route in policy.routes
    ]
    mode = after if policy.suppress is before else policy.suppress
    turned = policy.model_copy(update={"suppress": mode, "routes": tuple(routes)})
    return Policy.of_content(turned.content)  # a copy would keep what was worked out of the first


class Noted(NamedTuple):
    """What shadow mode wrote down: of the incidents that paged, those that would not have, and what is known of them.

    `templates`: of which kinds those are. `missed` is of them, and of what was kept quiet already.
    """

    paged: int
    would_be: int
    templates: Counter[str]
    missed: Missed


def noted(cases: Sequence[Case], period: Period) -> Noted:
    """Of the incidents that opened in the period."""
    mine = [case for case in cases if period.has(case.opened_ms)]
    would_be = [case for case in mine if case.is_paged and case.is_suppressible]
    return Noted(
        sum(case.is_paged for case in mine),
        len(would_be),
        Counter(case.name for case in would_be),
        missed(as_if_on(mine), period),
    )
