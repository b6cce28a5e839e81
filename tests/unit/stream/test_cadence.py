"""When a snapshot is due: never for nothing, never much later than the pace says, never at more than its share."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.stream.cadence import Cadence, Pace

PACE = Pace(every_s=30, records=100, cost_share=20)


def test_nothing_new_is_never_due() -> None:
    assert Cadence(PACE, next_offset=5, at_s=0).wait_s(5, now_s=10**9) is None


def test_it_is_due_by_time_or_by_what_was_read_since() -> None:
    cadence = Cadence(PACE, next_offset=0, at_s=0)
    assert cadence.wait_s(1, now_s=10) == 20
    assert cadence.wait_s(99, now_s=30) == 0
    assert cadence.wait_s(100, now_s=1) == 0


def test_what_costs_much_is_done_seldom() -> None:
    cadence = Cadence(PACE, next_offset=0, at_s=0)
    cadence.done(100, now_s=10, cost_s=4)
    assert cadence.wait_s(10**6, now_s=20) == 70
    assert cadence.wait_s(101, now_s=90) == 0


def test_one_that_failed_is_tried_again_in_peace_however_much_there_is_to_keep() -> None:
    cadence = Cadence(PACE, next_offset=0, at_s=0)
    cadence.tried(now_s=50, cost_s=0.1)
    assert cadence.wait_s(1, now_s=50) == 30
    assert cadence.wait_s(10**6, now_s=50) == 30, "what fails at once would fail all the time"
    cadence.done(1, now_s=80, cost_s=0.1)
    assert cadence.wait_s(10**6, now_s=82) == 0


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.1, 20), st.floats(0, 3)), max_size=80))
def test_snapshots_take_no_more_than_their_share_of_the_time(turns: list[tuple[int, float, float]]) -> None:
    cadence, now_s, offset, spent_s, last_s = Cadence(PACE, 0, 0.0), 0.0, 0, 0.0, 0.0
    for records, pause_s, cost_s in turns:
        now_s, offset = now_s + pause_s, offset + records
        if cadence.wait_s(offset, now_s) == 0:
            now_s += cost_s
            cadence.done(offset, now_s, cost_s)
            spent_s, last_s = spent_s + cost_s, cost_s
    assert (spent_s - last_s) * PACE.cost_share <= now_s + 1e-6
