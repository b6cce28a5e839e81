"""Recorded events show which labels tell one problem from itself; the policy line that drops them is proposed."""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.core.firings import Firings
from pipeline.core.policy import Policy
from pipeline.core.volatile import Proposal, policy_line, proposals
from pipeline.errors import Rejected
from pipeline.normalise import identify
from pipeline.sources import parse


class Suggestion(NamedTuple):
    """What was read, and what it speaks for; `line` is None where nothing is proposed."""

    events: int
    rejected: int
    proposals: list[Proposal]
    line: str | None


def suggest(lines: Iterable[bytes], source: str, policy: Policy) -> Suggestion:
    """Read every event of `lines`. Raises Misuse if there is no such source."""
    history = Firings(policy)
    events = rejected = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            parsed = parse(source, line, None)
        except Rejected:
            rejected += 1
            continue
        rejected += len(parsed.rejected)
        events += len(parsed.claims)
        for claim in parsed.claims:
            history.hear(identify(claim, None, policy))
    found = proposals(history.state)
    return Suggestion(events, rejected, found, policy_line(found, policy.drop_labels) if found else None)
