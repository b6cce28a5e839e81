"""The audit as a person and a program see it: a short table, the first few places at fault, and an exit code."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.audit import TOPICS_IN_ORDER, Balance, Flaw, audit
from pipeline.command.recordings import recording_of
from pipeline.command.surroundings import read_settings

PIPED = 200  # characters, more than any row has


def run_audit(data_dir: Path | None, *, is_drained: bool, as_json: bool) -> int:
    """Print the balance; 1 if there is a flaw. Raises Misuse, Missing and Retryable."""
    recording = recording_of(data_dir, read_settings(), TOPICS_IN_ORDER, "say whose books")
    try:
        balance = audit(recording, is_drained=is_drained)
    finally:
        recording.close()
    if as_json:
        print(json.dumps(_told(balance)))
    else:
        _print(balance)
    return 0 if balance.is_even else 1


def _print(balance: Balance) -> None:
    # Where no person's screen sets the width, a row is a line: for grep, and as README.md shows it.
    console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else PIPED)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    for group, rows in _rows(balance):
        for name, number, note in rows:
            table.add_row(f"{group} {name}", f"{number:,}", note)
    console.print(table)
    for topic, partitions in balance.cut.items():
        places = ", ".join(str(partition) for partition in partitions)
        console.print(f"retention has removed the beginning of {topic} (partition {places}), which is not counted")
    for flaw, count in balance.flaws.counts.items():
        console.print(f"{flaw.value.upper()}: {count:,} {flaw.sentence}", markup=False)
        named = balance.flaws.named[flaw]
        for offender in named:
            console.print(f"  {offender.place}: {offender.what}", markup=False)
    console.print("the books balance" if balance.is_even else "THE BOOKS DO NOT BALANCE")


def _rows(balance: Balance) -> list[tuple[str, list[tuple[str, int, str]]]]:
    """What is always said, and what is said only where there is some of it."""
    age = ""
    if balance.oldest_on_the_way_ms is not None:
        age = f", the oldest sent {time.time() - balance.oldest_on_the_way_ms / 1000:,.0f} s ago"
    lag = " and ".join(f"{records:,} records of {topic}" for topic, records in balance.lag.items() if records)
    events = [
        ("sent", balance.sent, "stand on alerts.raw"),
        ("rejected", balance.rejected, "are no alerts, and stand on alerts.rejected with the reason"),
        ("decided", balance.decided, "have a decision"),
        (
            "on the way",
            balance.on_the_way,
            f"the worker has not finished {lag or 'anything later'}{age}" if lag else "",
        ),
        ("lost", balance.of(Flaw.LOST), ""),
        ("doubled", balance.of(Flaw.DOUBLED), ""),
    ]
    pages = [
        ("triggered", balance.pages_triggered, ""),
        ("updated", balance.pages_updated, "told again: worse, back, repeated or calmed down"),
        ("resolved", balance.pages_resolved, ""),
        ("open", balance.pages_open, "incidents whose last page is no resolve"),
    ]
    rare = [
        (
            events,
            ("refused", balance.refused, "answered 400, and something of them stands on alerts.rejected alone"),
        ),
        (events, ("decision removed", balance.forgotten, "by retention, but the event still stands on alerts.raw")),
        (events, ("of before", balance.earlier, "were sent before the beginning of alerts.raw, not counted above")),
        (events, ("repeated", balance.repeated, "records written again after a crash, harmless")),
        (pages, ("not delivered yet", balance.pages_undelivered, "incidents whose last page waits for the pager")),
        (pages, ("refused", balance.pages_refused, "by PagerDuty, and stand on alerts.rejected")),
    ]
    for rows, row in rare:
        if row[1]:
            rows.append(row)
    incidents = [("open", balance.incidents_open, ""), ("resolved", balance.incidents_resolved, "")]
    if balance.incidents_quieted:
        about = "for their score, and paged nobody; `pagesieve audit misses` says what that missed"
        incidents.append(("kept quiet", balance.incidents_quieted, about))
    if balance.incidents_removed:
        incidents.append(("removed", balance.incidents_removed, "by retention, and still named"))
    return [("events", events), ("incidents", incidents), ("pages", pages)]


def _told(balance: Balance) -> dict[str, Any]:
    """The balance for a program."""
    sums = {name: value for name, value in vars(balance).items() if name != "flaws"}
    flaws = {
        flaw.value: {
            "count": balance.of(flaw),
            "means": flaw.sentence,
            "first": [one.place._asdict() | {"what": one.what} for one in balance.flaws.named.get(flaw, [])],
        }
        for flaw in Flaw
    }
    return {"is_even": balance.is_even, **sums, "flaws": flaws}
