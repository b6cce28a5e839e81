"""What a scan does itself and what it leaves to triage, as scenes: an alert fires, and more is told of it."""

from typing import NamedTuple

import numpy as np
import pytest

from pipeline.core.columns import FOREVER_MS, INCIDENT, NEVER_MS, RHYTHM, Row, new_batch
from pipeline.core.kernels import Stop
from pipeline.core.table import Clock, LiveTable, Scanned

ALERT, OTHER = 7, 8
KNOWN = Row(ALERT, last_at_ms=1000, due_ms=1500, incident=2, rule=1, rank=1)
WAITS_MS = np.array([[1, 2], [300, 500]])


class Told(NamedTuple):
    """How far the scan came; what is known of the alert then; the events of each incident; what is next, by event."""

    result: Scanned
    known: Row
    events: list[int]
    next_ms: list[int]


def scanned(
    *told: tuple[int, int], known: Row = KNOWN, clock: Clock = (1000, None), stray_ms: int = FOREVER_MS, **values: int
) -> Told:
    """Tell (key, at_ms) after (key, at_ms), each with these values."""
    table, incidents, rhythms = LiveTable(10), np.zeros(5, INCIDENT), np.zeros(5, RHYTHM)
    rhythms["stray_ms"], incidents["due_ms"] = stray_ms, FOREVER_MS
    row = table.insert(known)
    batch = new_batch(len(told))
    batch["key"], batch["at_ms"] = zip(*told, strict=True)
    for name, value in {"is_firing": 1, "rank": 1, "expires_at_ms": NEVER_MS, "says_resolved": 1, **values}.items():
        batch[name] = value
    result = table.scan(batch, 0, clock, (incidents, rhythms), WAITS_MS)
    return Told(result, table.get(row), incidents["events"].tolist(), batch["next_ms"].tolist())


def test_a_duplicate_counts_and_puts_off_the_end_of_its_alert() -> None:
    told = scanned((ALERT, 1200), (ALERT, 1300))
    assert told.result == Scanned(2, 1300, Stop.END)
    assert told.known == KNOWN._replace(events=3, last_at_ms=1300, due_ms=1800)
    assert told.events == [0, 0, 2, 0, 0]
    assert told.next_ms == [1700, 1800]


def test_a_source_that_never_says_resolved_is_waited_for_shortly() -> None:
    assert scanned((ALERT, 1300), says_resolved=0).known.due_ms == 1600


def test_a_late_duplicate_counts_now_and_does_not_turn_back_time() -> None:
    told = scanned((ALERT, 400))
    assert told.result == Scanned(1, 1000, Stop.END)
    assert (told.known.last_at_ms, told.known.due_ms) == (1000, 1500)


def test_a_lease_ends_when_it_says_but_never_at_once_and_not_before_another() -> None:
    assert scanned((ALERT, 1200), expires_at_ms=9000).known.due_ms == 9000
    assert scanned((ALERT, 1200), expires_at_ms=1300).known.due_ms == 1500
    overdue = KNOWN._replace(due_ms=0)
    assert scanned((ALERT, 900), known=overdue, expires_at_ms=950).known.due_ms == 1001, "it came late"


def test_a_lease_that_was_over_when_it_came_is_waited_for_as_what_never_says_resolved() -> None:
    overdue = KNOWN._replace(due_ms=0)
    assert scanned((ALERT, 1200), known=overdue, expires_at_ms=3).known.due_ms == 1500


def test_what_happens_next_is_the_first_of_its_end_its_review_and_the_end_of_its_flapping() -> None:
    assert scanned((ALERT, 1200), known=KNOWN._replace(review_at_ms=1250)).next_ms == [1250]
    assert scanned((ALERT, 1200), known=KNOWN._replace(flap_ends_ms=1260)).next_ms == [1260]


def test_the_first_event_of_all_sets_the_watermark() -> None:
    assert scanned((ALERT, 1200), clock=(None, None)).result == Scanned(1, 1200, Stop.END)
    assert scanned((OTHER, 1200), clock=(None, None)).result == Scanned(0, None, Stop.UNKNOWN)


@pytest.mark.parametrize(
    ("known", "told", "values", "why"),
    [
        (KNOWN, (ALERT, 1200), {"is_firing": 0}, Stop.ENDS),
        (KNOWN, (OTHER, 1200), {}, Stop.UNKNOWN),
        (KNOWN._replace(is_firing=0), (ALERT, 1200), {}, Stop.REFIRES),
        (KNOWN, (ALERT, 1200), {"rank": 2}, Stop.WORSE),
        (KNOWN._replace(incident=-1), (ALERT, 1200), {}, Stop.HOMELESS),
        (KNOWN._replace(incident=5), (ALERT, 1200), {}, Stop.HOMELESS),
        (KNOWN._replace(rule=2), (ALERT, 1200), {}, Stop.HOMELESS),
    ],
)
def test_what_is_more_than_a_duplicate_is_left_to_triage_untouched(
    known: Row, told: tuple[int, int], values: dict[str, int], why: Stop
) -> None:
    left = scanned(told, known=known, clock=(1000, None), **values)
    assert left == Told(Scanned(0, 1000, why), known, [0] * 5, [0])


def test_an_event_after_a_silence_may_belong_elsewhere_and_a_state_never_does() -> None:
    assert scanned((ALERT, 1499), stray_ms=500, says_resolved=0).result.why is Stop.END
    assert scanned((ALERT, 1500), stray_ms=500, says_resolved=0).result.why is Stop.STRAYS
    assert scanned((ALERT, 1500), stray_ms=500, says_resolved=1).result.why is Stop.END


def test_a_milder_claim_is_still_a_duplicate() -> None:
    assert scanned((ALERT, 1200), rank=0).result.why is Stop.END


@pytest.mark.parametrize(("at_ms", "stop"), [(1099, 1), (1100, 0), (1101, 0)])
def test_what_falls_due_falls_due_before_the_event_that_moves_the_watermark_there(at_ms: int, stop: int) -> None:
    assert scanned((ALERT, at_ms), clock=(1000, 1100)).result.stop == stop


def test_an_event_that_does_not_move_the_watermark_waits_for_no_deadline() -> None:
    # So with NEVER_MS as the deadline a scan stops before any event that would move the watermark.
    told = scanned((ALERT, 1000), (ALERT, 900), (ALERT, 1001), clock=(1000, NEVER_MS))
    assert told.result == Scanned(2, 1000, Stop.DEADLINE)


def test_a_row_that_is_another_alerts_by_now_is_looked_for_again() -> None:
    table, homes = LiveTable(10), (np.zeros(5, INCIDENT), np.zeros(5, RHYTHM))
    homes[1]["stray_ms"] = FOREVER_MS
    row = table.insert(KNOWN)
    batch = new_batch(2)
    batch["key"], batch["is_firing"], batch["at_ms"] = ALERT, 1, 1200
    table.look_up(batch)
    table.remove(row)
    assert table.insert(KNOWN._replace(key=OTHER)) == row
    assert table.scan(batch, 0, (1000, None), homes, WAITS_MS).why is Stop.UNKNOWN
    moved = table.insert(KNOWN)
    assert table.scan(batch, 0, (1000, None), homes, WAITS_MS).why is Stop.END
    assert batch["row"].tolist() == [moved, moved]
