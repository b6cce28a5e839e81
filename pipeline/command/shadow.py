"""Before `suppress: on` decides anything, whoever turns it on is told what it would have done in the past weeks."""

from collections import Counter
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import structlog

from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.core.timestamp import rfc3339
from pipeline.errors import Missing, Misuse
from pipeline.report.facts import WEEK_MS, Period
from pipeline.report.misses import Missed, said
from pipeline.report.shadow import Noted, Shadow, noted, replayed, turned_on

MOST_EVENTS = 400_000  # replayed twice: a minute or two, and two gigabytes
MOST_NAMED = 5
WEEKS = 4
logger = structlog.get_logger("pagesieve")


class Past(NamedTuple):
    """What the archive says of `weeks` weeks: decided again, unless they hold too much for that."""

    weeks: int
    events: int
    shadow: Shadow | None
    noted: Noted

    def told(self) -> dict[str, Any]:
        """For a program."""
        shadow, weeks = self.shadow, {"weeks": self.weeks, "events": self.events}
        of_noted = {
            "paged": self.noted.paged,
            "would_be_quiet": self.noted.would_be,
            "templates": dict(self.noted.templates.most_common()),
            "missed": _plain(self.noted.missed),
        }
        if shadow is None:
            return weeks | {"replayed": None, "noted": of_noted}
        of_replay = {
            "from": rfc3339(shadow.period.from_ms),
            "until": rfc3339(shadow.period.until_ms),
            "controls": shadow.controls,
            "pages_before": dict(shadow.before),
            "pages_after": dict(shadow.after),
            "late": shadow.late,
            "templates": dict(shadow.templates.most_common()),
            "guards": dict(shadow.guards),
            "missed": _plain(shadow.missed),
        }
        return weeks | {"replayed": of_replay, "noted": of_noted}

    def lines(self) -> list[str]:
        """For a person."""
        return noted_lines(self.noted, self.weeks) if self.shadow is None else _replayed_lines(self.shadow)


def past_of(root: Path, policy: Policy, weeks: int, learned: Learned = NOTHING) -> Past:
    """The last weeks of the archive, by `policy` with `suppress: on` where it says shadow. Raises Misuse.

    `learned`: as the live system decides, since a model lets more page than the prior alone.
    """
    from pipeline.report.past import past as past_in  # noqa: PLC0415 - likewise
    from pipeline.report.query import Archive, end_ms  # noqa: PLC0415 - DuckDB, only where there is an archive

    until_ms = end_ms(root)
    whole = Period(until_ms - weeks * WEEK_MS, until_ms)
    archive = Archive.open(root, whole, policy.guardrails.tier_label)
    for fewer in range(weeks, 0, -1):
        period = Period(until_ms - fewer * WEEK_MS, until_ms)
        warm = Period(period.from_ms - WEEK_MS, until_ms)  # in which it learns what is usual
        events = archive.count_between(warm)
        if 0 < events <= MOST_EVENTS:
            records = past_in(archive, warm)
            shadow = replayed(records, turned_on(policy), period, archive.cases, learned)
            return Past(fewer, events, shadow, noted(archive.cases, period))
    return Past(weeks, archive.count_between(whole), None, noted(archive.cases, whole))


def tell_at_start(policy: Policy, root: Path | None) -> None:
    """Log beside all else what shadow mode noted, if the policy keeps anything quiet."""
    if policy.suppresses:
        Thread(target=_tell, args=(policy, root), name="shadow", daemon=True).start()


def _tell(policy: Policy, root: Path | None) -> None:
    """What fails here keeps nobody from work."""
    about = {"policy": policy.name, "see": "pagesieve policy check FILE --archive DIR"}
    if root is None:
        logger.info("suppress is on", past="no archive is named, so nothing is known of it", **about)
        return
    from pipeline.report.query import Archive, end_ms  # noqa: PLC0415 - as above

    try:
        until_ms = end_ms(root)
        period = Period(until_ms - WEEKS * WEEK_MS, until_ms)
        found = noted(Archive.open(root, period, policy.guardrails.tier_label).cases, period)
        past = "; ".join(line.strip() for line in noted_lines(found, WEEKS))
    except (Misuse, Missing) as exc:
        past = str(exc)
    logger.info("suppress is on", past=past, **about)


def noted_lines(found: Noted, weeks: int) -> list[str]:
    """What shadow mode wrote down, for a person."""
    lines = [
        f"in the last {weeks} weeks {found.paged:,} incidents paged; shadow mode noted that {found.would_be:,} of them"
        " would not have"
    ]
    if found.templates:
        lines.append(f"  quiet    {_most(found.templates)}")
    return [*lines, f"  {said(found.missed)}"]


def _replayed_lines(found: Shadow) -> list[str]:
    before, after = found.before.total(), found.after.total()
    reasons = [reason for reason in {**found.before, **found.after} if found.before[reason] != found.after[reason]]
    changed = ", ".join(f"{one} {found.before[one]:,} → {found.after[one]:,}" for one in sorted(reasons))
    days = f"{rfc3339(found.period.from_ms)[:10]} to {rfc3339(found.period.until_ms)[:10]}"
    # An archive of before controls were kept in it has none, and then more pages than there were.
    alone = "" if found.controls else ", without silences and acknowledgements: none are archived"
    lines = [
        f"with `suppress: on`, {days}: {found.events:,} events decided again{alone}",
        f"  pages    {after:,} instead of {before:,}" + (f": {changed}" if changed else ""),
    ]
    if found.templates:
        lines.append(f"  quiet    {_most(found.templates)}")
    if found.late:
        lines.append(f"  late     {found.late:,} of the pages: kept quiet first, and it lasted or grew")
    if found.guards:
        lines.append(f"  guarded  {_most(found.guards)}: low scores that page all the same")
    return [*lines, f"  {said(found.missed)}"]


def _most(counts: Counter[Any]) -> str:
    """The most frequent, and how many more there are."""
    rest = counts.total() - sum(count for _, count in counts.most_common(MOST_NAMED))
    named = [f"{name} {count:,}" for name, count in counts.most_common(MOST_NAMED)]
    return ", ".join(named + ([f"{rest:,} of others"] if rest else []))


def _plain(found: Missed) -> dict[str, Any]:
    return found._asdict() | {"known": found.known._asdict(), "graded": found.graded._asdict()}
