"""A record that normalise writes again is recognised, whatever scope it is of."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.seen import Seen
from schemas import Alerts

# What normalise wrote of one raw partition, in order: for each raw offset its scopes, and of each its parts.
raws = st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 2)), max_size=3, unique_by=lambda p: p[0]))


def written(raws: list[list[tuple[str, int]]], partition: int) -> list[Alerts]:
    return [
        Alerts(scope=scope, raw_partition=partition, raw_offset=offset, part=part, alerts=())
        for offset, scopes in enumerate(raws)
        for scope, parts in scopes
        for part in range(parts)
    ]


@given(raws, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4), st.integers(0, 200))
def test_every_record_is_new_once_however_often_a_stretch_is_written_again(
    raws: list[list[tuple[str, int]]], crashes: list[tuple[int, int]], restored_at: int
) -> None:
    records = written(raws, 0)
    log: list[Alerts] = []
    done = 0
    for reached, back in crashes:
        end = max(done, min(reached, len(records)))
        log += records[done:end]
        done = max(0, end - back)
    log += records[done:]
    seen, new = Seen(), []
    for number, record in enumerate(log):
        if number == restored_at:
            seen = Seen(seen.places())
        if seen.is_new(record):
            new.append(record)
    assert new == records


def test_raw_partitions_have_nothing_to_do_with_each_other() -> None:
    seen = Seen()
    assert all(seen.is_new(record) for partition in (1, 0) for record in written([[("a", 1)], [("b", 2)]], partition))
