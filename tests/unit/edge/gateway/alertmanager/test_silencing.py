"""What writing a silence leaves in the log, whatever fails in between."""

import contextlib
from collections.abc import Sequence

import pytest

from pipeline.codec import decode, decode_alerts
from pipeline.edge.gateway.alertmanager import silencing as rule
from pipeline.edge.gateway.alertmanager.board import Board
from pipeline.edge.gateway.alertmanager.silencing import Silencing, Unknown
from pipeline.edge.gateway.problem import Refusal
from pipeline.errors import Rejected, Retryable
from pipeline.log.entry import Draft
from schemas import Control, Silence
from schemas.topics import ALERTS, SILENCES
from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.alertmanager.scene import board, now_ms, silence

pytestmark = pytest.mark.anyio


def controls(log: MemoryLog) -> list[tuple[int | None, Silence | None]]:
    found = [(draft.partition, decode_alerts(draft.value)) for draft in log.on(ALERTS.name)]
    return [(partition, control.silence) for partition, control in found if isinstance(control, Control)]


def listed(log: MemoryLog) -> list[Silence]:
    return [decode(Silence, draft.value) for draft in log.on(SILENCES.name)]


def over(log: MemoryLog, found: Board) -> Silencing:
    return Silencing(log, found, 5.0)


async def test_a_new_silence_is_heard_in_every_partition_and_listed_once() -> None:
    log, found = MemoryLog(), board()
    silence_id = await over(log, found).put(silence("", start=0))
    (kept,) = listed(log)
    assert (kept.id, [draft.key for draft in log.on(SILENCES.name)]) == (silence_id, [silence_id])
    assert controls(log) == [(0, kept), (1, kept), (2, kept)]
    assert found.silence(silence_id, now_ms()) == kept


async def test_its_id_is_derived_from_what_it_says_and_when() -> None:
    one = silence("", start=0)
    first, again = [await over(MemoryLog(), board()).put(one) for _ in range(2)]
    other = await over(MemoryLog(), board()).put(one.model_copy(update={"comment": "another"}))
    assert first == again != other
    assert [len(part) for part in first.split("-")] == [8, 4, 4, 4, 12]


async def test_a_start_in_the_past_is_now() -> None:
    log = MemoryLog()
    one = silence("", start=-3_600_000)
    await over(log, board()).put(one)
    assert listed(log)[0].starts_at_ms == one.updated_at_ms


async def test_a_silence_that_holds_may_end_later_or_sooner_under_its_id() -> None:
    known, log = silence(end=60_000), MemoryLog()
    silencing = over(log, board(known))
    for end in (7_200_000, 30_000):
        new = silence(end=end, starts_at_ms=known.starts_at_ms)
        assert await silencing.put(new) == "s1"
        assert listed(log)[-1].ends_at_ms == new.ends_at_ms
    assert {one.id for one in listed(log)} == {"s1"}


@pytest.mark.parametrize(("matcher", "start"), [('alertname="Other"', -60_000), ('alertname="DiskFull"', 600_000)])
async def test_where_the_past_would_change_the_old_one_ends_and_a_new_one_begins(matcher: str, start: int) -> None:
    known, log = silence(), MemoryLog()
    new_id = await over(log, board(known)).put(silence("s1", matcher, start=start))
    old, new = listed(log)
    assert (old.id, old.ends_at_ms, new.id) == ("s1", new.updated_at_ms, new_id)
    assert new_id != "s1"
    assert new.starts_at_ms >= new.updated_at_ms


async def test_a_silence_that_is_over_is_made_anew() -> None:
    log = MemoryLog()
    new_id = await over(log, board(silence(end=-1000))).put(silence())
    assert [one.id for one in listed(log)] == [new_id] != ["s1"]


async def test_expiring_ends_it_now_also_before_it_began_and_once_only() -> None:
    for start in (-60_000, 60_000):
        log, found = MemoryLog(), board(silence(start=start))
        at_ms = now_ms()
        await over(log, found).expire("s1", at_ms)
        await over(log, found).expire("s1", at_ms + 5)
        (ended,) = listed(log)
        assert (ended.ends_at_ms, ended.starts_at_ms <= at_ms) == (at_ms, True)
        assert controls(log) == [(n, ended) for n in range(3)]


async def test_the_clock_of_another_gateway_may_be_ahead() -> None:
    known, log = silence(updated_at_ms=now_ms() + 60_000), MemoryLog()
    found, at_ms = board(known), now_ms()
    await over(log, found).expire("s1", at_ms)
    ended = found.silence("s1", at_ms)
    assert ended is not None
    assert ended.ends_at_ms == at_ms
    # Time in the log must not run ahead with it.
    record = decode_alerts(log.on(ALERTS.name)[0].value)
    assert isinstance(record, Control)
    assert record.at_ms == at_ms


async def test_an_id_that_nobody_knows_is_unknown() -> None:
    log = MemoryLog()
    with pytest.raises(Unknown):
        await over(log, board()).put(silence("never seen"))
    with pytest.raises(Unknown):
        await over(log, board()).expire("never seen", now_ms())
    assert log.drafts == []


async def test_there_may_be_so_many_that_hold_and_any_number_that_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "MOST_HOLDING", 2)
    found = board(silence("a"), silence("over", end=-1000), silence("pending", start=60_000))
    with pytest.raises(Rejected, match=r"exceeded maximum number of silences: 2 \(limit: 2\)"):
        await over(MemoryLog(), found).put(silence("", start=0))
    # One that is there may still be changed.
    assert await over(MemoryLog(), found).put(silence("a", end=7_200_000)) == "a"


class FailingLog(MemoryLog):
    """Is away from the append of number `away_from` on."""

    def __init__(self, away_from: int) -> None:
        super().__init__()
        self._left = away_from

    async def append(self, drafts: Sequence[Draft]) -> None:
        self._left -= 1
        self.is_away = self._left < 0
        await super().append(drafts)


@pytest.mark.parametrize("away_from", range(7))
async def test_what_silences_is_always_listed(away_from: int) -> None:
    log, found = FailingLog(away_from), board()
    silencing = over(log, found)
    with contextlib.suppress(Refusal):
        silence_id = await silencing.put(silence("", start=0, end=60_000))
        # Another matcher: the first ends, a second begins.
        await silencing.put(silence(silence_id, 'alertname="Other"', start=0))
    heard = {one.id: one for _, one in controls(log) if one is not None}
    shown = {one.id: one for one in listed(log)}
    for one in heard.values():
        assert one.id in shown
        assert one.ends_at_ms <= shown[one.id].ends_at_ms
    # The board of this gateway never tells of what is not in the list.
    assert {one.silence.id for one in found.silences(now_ms())} <= set(shown)


async def test_a_log_that_does_not_tell_its_partitions_is_a_503() -> None:
    class Silent(MemoryLog):
        async def partitions(self, topic: str) -> int:
            raise Retryable("broker.internal:9092 is away")

    with pytest.raises(Refusal) as refused:
        await over(Silent(), board()).put(silence("", start=0))
    assert refused.value.kind.status == 503
    assert "broker.internal" not in refused.value.detail
