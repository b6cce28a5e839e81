"""What a scan does itself and what it leaves to triage, as scenes: an alert fires, and more is told of it."""

import numpy as np
import pytest

from pipeline.core.columns import FOREVER_MS, NEVER_MS, Row, new_batch
from pipeline.core.kernels import Stop
from pipeline.core.table import LiveTable, Scanned

ALERT, OTHER = 7, 8
Clock = tuple[int | None, int | None]
KNOWN = Row(ALERT, last_at_ms=1000, due_ms=1500, queued_ms=1500, incident=2, rank=1)


def scanned(
    *told: tuple[int, int], known: Row = KNOWN, clock: Clock = (1000, None), **values: int
) -> tuple[Scanned, Row, int]:
    """Tell (key, at_ms) after (key, at_ms): how far the scan came, what is known then, its incident's new events."""
    table, incident_events = LiveTable(10), np.zeros(5, np.int64)
    row = table.insert(known)
    batch = new_batch(len(told))
    batch["key"], batch["at_ms"] = zip(*told, strict=True)
    for name, value in {"is_firing": 1, "rank": 1, "expires_at_ms": NEVER_MS, "quiet_ms": 500, **values}.items():
        batch[name] = value
    result = table.scan(batch, 0, clock, incident_events)
    assert batch["row"][: result.stop].tolist() == [row] * result.stop
    return result, table.get(row), int(incident_events[2])


def test_a_duplicate_counts_and_puts_off_the_end_of_its_alert() -> None:
    result, known, events = scanned((ALERT, 1200), (ALERT, 1300))
    assert result == Scanned(2, 1300, Stop.END)
    assert known == KNOWN._replace(events=3, last_at_ms=1300, due_ms=1800)
    assert events == 2


def test_a_late_duplicate_counts_now_and_does_not_turn_back_time() -> None:
    result, known, _ = scanned((ALERT, 400))
    assert result == Scanned(1, 1000, Stop.END)
    assert (known.last_at_ms, known.due_ms) == (1000, 1500)


def test_a_lease_ends_when_it_says_but_never_at_once() -> None:
    assert scanned((ALERT, 1200), expires_at_ms=9000, quiet_ms=1)[1].due_ms == 9000
    overdue = KNOWN._replace(queued_ms=0)
    assert scanned((ALERT, 1200), known=overdue, expires_at_ms=3, quiet_ms=1)[1].due_ms == 1201


def test_the_first_event_of_all_sets_the_watermark() -> None:
    assert scanned((ALERT, 1200), clock=(None, None))[0] == Scanned(1, 1200, Stop.END)
    assert scanned((OTHER, 1200), clock=(None, None))[0] == Scanned(0, None, Stop.UNKNOWN)


@pytest.mark.parametrize(
    ("known", "told", "values", "why"),
    [
        (KNOWN, (ALERT, 1200), {"is_firing": 0}, Stop.ENDS),
        (KNOWN, (OTHER, 1200), {}, Stop.UNKNOWN),
        (KNOWN._replace(is_firing=0), (ALERT, 1200), {}, Stop.REFIRES),
        (KNOWN, (ALERT, 1200), {"rank": 2}, Stop.WORSE),
        (KNOWN._replace(incident=-1), (ALERT, 1200), {}, Stop.HOMELESS),
        (KNOWN._replace(incident=5), (ALERT, 1200), {}, Stop.HOMELESS),
        (KNOWN, (ALERT, 1200), {"quiet_ms": 299}, Stop.SOONER),
        (KNOWN._replace(queued_ms=FOREVER_MS), (ALERT, 1200), {}, Stop.SOONER),
    ],
)
def test_what_is_more_than_a_duplicate_is_left_to_triage_untouched(
    known: Row, told: tuple[int, int], values: dict[str, int], why: Stop
) -> None:
    assert scanned(told, known=known, clock=(1000, None), **values) == (Scanned(0, 1000, why), known, 0)


def test_a_milder_claim_and_a_due_as_queued_are_still_duplicates() -> None:
    assert scanned((ALERT, 1200), rank=0)[0].why is Stop.END
    assert scanned((ALERT, 1200), quiet_ms=300)[0].why is Stop.END


@pytest.mark.parametrize(("at_ms", "stop"), [(1099, 1), (1100, 0), (1101, 0)])
def test_what_falls_due_falls_due_before_the_event_that_moves_the_watermark_there(at_ms: int, stop: int) -> None:
    assert scanned((ALERT, at_ms), clock=(1000, 1100))[0].stop == stop


def test_an_event_that_does_not_move_the_watermark_waits_for_no_deadline() -> None:
    # So with NEVER_MS as the deadline a scan stops before any event that would move the watermark.
    result, _, _ = scanned((ALERT, 1000), (ALERT, 900), (ALERT, 1001), clock=(1000, NEVER_MS))
    assert result == Scanned(2, 1000, Stop.DEADLINE)


def test_a_row_that_is_another_alerts_by_now_is_looked_for_again() -> None:
    table, incident_events = LiveTable(10), np.zeros(5, np.int64)
    row = table.insert(KNOWN)
    batch = new_batch(2)
    batch["key"], batch["is_firing"], batch["quiet_ms"], batch["at_ms"] = ALERT, 1, 500, 1200
    table.look_up(batch)
    table.remove(row)
    assert table.insert(KNOWN._replace(key=OTHER)) == row
    assert table.scan(batch, 0, (1000, None), incident_events).why is Stop.UNKNOWN
    moved = table.insert(KNOWN)
    assert table.scan(batch, 0, (1000, None), incident_events).why is Stop.END
    assert batch["row"].tolist() == [moved, moved]
