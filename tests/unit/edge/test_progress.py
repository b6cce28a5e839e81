"""Commits: only what is finished, without a gap, and only when it moved."""

from pipeline.edge.progress import Progress

P0, P1 = ("pages", 0), ("pages", 1)


def test_a_commit_stops_at_the_first_unfinished_entry() -> None:
    progress = Progress()
    for offset in (5, 6, 9):  # 7 and 8 were compacted away
        assert progress.begin(P0, offset, 100 + offset)
    progress.finish(P0, 6)
    assert progress.committable() == {}
    progress.finish(P0, 5)
    assert progress.committable() == {P0: 9}
    progress.committed({P0: 9})
    assert progress.committable() == {}
    progress.finish(P0, 9)
    assert progress.committable() == {P0: 10}


def test_a_commit_that_failed_is_said_again() -> None:
    progress = Progress()
    progress.begin(P0, 0, 0)
    progress.finish(P0, 0)
    assert progress.committable() == progress.committable() == {P0: 1}


def test_partitions_do_not_hold_each_other_up() -> None:
    progress = Progress()
    progress.begin(P0, 3, 10)
    progress.begin(P1, 8, 5)
    progress.finish(P1, 8)
    assert progress.committable() == {P1: 9}
    assert progress.oldest_ms() == 10


def test_an_entry_that_comes_twice_is_taken_once() -> None:
    progress = Progress()
    assert progress.begin(P0, 4, 0)
    assert not progress.begin(P0, 4, 0)
    assert not progress.begin(P0, 3, 0)
