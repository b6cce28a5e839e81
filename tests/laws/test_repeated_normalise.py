"""Whatever normalise writes twice is decided once: the highest (raw offset, part) of each raw partition is enough.

It is enough because of an order that the world keeps: a normaliser begins at what is committed, all before which stands
in the log, and writes on without a gap (an idempotent producer; the first send that fails ends it). So however many
write at once, one of them stalled and late, a record never stands in the log before all earlier ones of its raw
partition.
"""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.triage import Triage
from schemas import Alerts
from tests.scene import POLICY, alert, at

RAW_RECORDS = 6
WORKERS = 3

# (which worker, what it does): write its next record, commit what it has written, or be killed and begin anew.
moves = st.lists(
    st.tuples(st.integers(0, WORKERS - 1), st.sampled_from(["write", "write", "write", "commit", "restart"])),
    max_size=60,
)


def normalised(raw_offset: int) -> list[Alerts]:
    """What one raw record becomes: two parts of one scope, and one of another."""
    [record] = at(raw_offset, alert(f"alert-{raw_offset % 3}", cluster="eu"))
    assert isinstance(record, Alerts)
    places = (("a", 0), ("a", 1), ("b", 0))
    return [
        record.model_copy(update={"raw_offset": raw_offset, "scope": scope, "part": part}) for scope, part in places
    ]


WRITTEN = [record for raw_offset in range(RAW_RECORDS) for record in normalised(raw_offset)]
PER_RAW = len(WRITTEN) // RAW_RECORDS


@given(moves)
def test_every_raw_record_is_decided_once_however_often_and_by_however_many_it_is_written(
    moves: list[tuple[int, str]],
) -> None:
    log: list[Alerts] = []
    committed = 0
    positions = [0] * WORKERS  # in WRITTEN: a kill may come between two parts of one raw record
    for worker, move in moves:
        if move == "write" and positions[worker] < len(WRITTEN):
            log.append(WRITTEN[positions[worker]])
            positions[worker] += 1
        elif move == "commit":
            committed = max(committed, positions[worker] // PER_RAW)
        elif move == "restart":
            positions[worker] = committed * PER_RAW
    log += WRITTEN[committed * PER_RAW :]
    decisions = Triage(POLICY).step(log).decisions
    for scope in ("a", "b"):
        decided = [one.raw_offset for one in decisions if one.scope == scope]
        assert decided == [record.raw_offset for record in WRITTEN if record.scope == scope]
