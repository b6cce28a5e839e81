"""The noisiest templates, what to do about each, and what that would have done in this very week."""

from typing import NamedTuple

from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.report.companion import companions
from pipeline.report.effect import Effect, effect, told_of
from pipeline.report.facts import Facts, Period
from pipeline.report.past import past
from pipeline.report.proposal import Proposal, applied, proposal_for
from pipeline.report.query import Archive
from pipeline.report.template import Noisy, noisiest

MOST_TEMPLATES = 10
MOST_REPLAYED = 400_000  # events, in all replays of one report


class Trial(NamedTuple):
    """With what a change is tried: as the live system decides, and for so many events at most in all replays."""

    policy: Policy
    learned: Learned = NOTHING
    most_replayed: int = MOST_REPLAYED


class Advised(NamedTuple):
    """A noisy template, what to do about it, and what that would have done this week; None: it was not replayed."""

    noisy: Noisy
    proposal: Proposal | None
    effect: Effect | None


def proposals(facts: Facts) -> list[tuple[Noisy, Proposal | None]]:
    """What is proposed for each of the noisiest, those with most pages first."""
    found = noisiest(facts, MOST_TEMPLATES)
    beside = companions(facts, [one.template for one in found])
    return [(one, proposal_for(one, beside.get(one.template))) for one in found]


def advised(archive: Archive, facts: Facts, trial: Trial) -> tuple[list[Advised], list[str]]:
    """What to do, the first replayed for as long as that does not take too long; and notes on how that was done."""
    found = proposals(facts)
    wanted = [number for number, (_, proposal) in enumerate(found) if proposal and proposal.change]
    # One replay is as things are, and each has a week to learn from before the one that counts.
    room = max(0, trial.most_replayed // max(1, facts.counts.events) - 1)
    tried, notes = wanted[:room], list[str]()
    if len(tried) < len(wanted):
        notes.append(
            f"{len(wanted) - len(tried)} of {len(wanted)} changes were not tried: to decide {facts.counts.events:,}"
            " events again for each would take too long (`--replay-all` does it)."
        )
    records = past(archive, Period(facts.period.earlier(1).from_ms, facts.period.until_ms)) if tried else []
    if not records:
        return [Advised(noisy, proposal, None) for noisy, proposal in found], notes
    before, cases, made = (
        told_of(records, trial.policy, facts.period, learned=trial.learned),
        facts.mine,
        list[Advised](),
    )
    for number, (noisy, proposal) in enumerate(found):
        change = proposal.change if proposal and number in tried else None
        after = told_of(records, applied(trial.policy, change), facts.period, learned=trial.learned) if change else None
        made.append(Advised(noisy, proposal, effect(before, after, cases) if after else None))
    notes.append(_how(before.pages, facts.counts.pages))
    return made, notes


def _how(replayed: int, sent: int) -> str:
    return (
        "How a change was tried: this week's events, silences and outcomes were decided again with the policy and model"
        " given, without and with it, after a week to learn what is usual. Without any change that gave"
        f" {replayed} pages, where {sent} were sent."
    )
