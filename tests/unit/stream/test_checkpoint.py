"""The pure part of a checkpoint: what is cut comes back whole or not at all, and the right snapshot is found."""

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codec import encode
from pipeline.core.fingerprint import VERSION as FINGERPRINT_VERSION
from pipeline.log import Entry
from pipeline.stream.checkpoint import (
    LAYOUT,
    SLOTS,
    Taken,
    chunk_of,
    cut,
    find,
    frame,
    migration,
    next_slot,
    pack,
    refusal,
    snapshot_of,
    unframe,
    unpack,
)
from schemas import Snapshot
from schemas.topics import SNAPSHOTS

END = 10**9


def snapshot(next_offset: int, slot: int = 0, policy: str = "p1:a") -> Snapshot:
    return snapshot_of(Taken(3, next_offset, b"", 0, policy), slot, [chunk_of(memoryview(b""), 0)])


def standing(*values: tuple[int, bytes]) -> list[Entry]:
    """What stands on the topic: (slot, value) in the order of writing."""
    return [Entry(SNAPSHOTS.name, 3, offset, str(slot), value, {}, 0) for offset, (slot, value) in enumerate(values)]


def written(*snapshots: Snapshot) -> list[Entry]:
    return standing(*((one.slot, encode(one)) for one in snapshots))


def offsets(found: Sequence[Snapshot]) -> list[int]:
    return [one.next_offset for one in found]


@given(st.binary(max_size=300), st.integers(1, 64))
def test_what_is_cut_and_packed_comes_back_the_same(state: bytes, size: int) -> None:
    pieces = cut(state, size)
    assert pieces, "even an empty state is something that can be missing"
    assert all(len(piece) <= size for piece in pieces)
    assert b"".join(unpack(chunk_of(piece, 0), pack(piece)) for piece in pieces) == state


@given(st.binary(max_size=200), st.data())
def test_whatever_is_changed_in_a_chunk_is_noticed(state: bytes, data: st.DataObject) -> None:
    packed, chunk = pack(memoryview(state)), chunk_of(memoryview(state), 7)
    at = data.draw(st.integers(0, len(packed) - 1))
    wrong = bytearray(packed)
    wrong[at] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(wrong), packed[:at]):
        try:
            assert unpack(chunk, damaged) == state, "zstd has bits that mean nothing; no others may pass"
        except ValueError as exc:
            assert "offset 7" in str(exc)  # noqa: PT017  # either is right


@given(st.binary(max_size=300), st.integers(0, 299), st.integers(1, 255))
def test_what_is_framed_comes_back_the_same_or_not_at_all(state: bytes, at: int, flip: int) -> None:
    value = bytearray(frame(Taken(0, 9, state, 0, "p1:a"), 1))
    snapshot, found = unframe(bytes(value))
    assert (snapshot.next_offset, snapshot.policy, snapshot.slot, found) == (9, "p1:a", 1, state)
    body_at = value.index(b"\n") + 1
    value[body_at + at % (len(value) - body_at)] ^= flip
    with suppress(ValueError):
        assert unframe(bytes(value))[1] == state
    with pytest.raises(ValueError, match="cannot be read"):
        unframe(b"5\n{}")


def test_a_missing_chunk_is_named() -> None:
    with pytest.raises(ValueError, match="offset 41 is missing"):
        unpack(chunk_of(memoryview(b"x"), 41), None)


def test_another_chunk_in_its_place_is_noticed() -> None:
    with pytest.raises(ValueError, match="checksum differs"):
        unpack(chunk_of(memoryview(b"x"), 0), pack(memoryview(b"y")))


def test_the_newest_is_what_has_read_most_not_what_was_written_last() -> None:
    found = find(written(snapshot(10, 0), snapshot(30, 1), snapshot(20, 2)))
    assert offsets(found.snapshots) == [30, 20, 10]


def test_of_a_slot_only_the_last_is_there_as_after_compaction() -> None:
    found = find(written(snapshot(10, 0), snapshot(20, 1), snapshot(30, 2), snapshot(40, 0)))
    assert offsets(found.snapshots) == [40, 30, 20]


def test_what_cannot_be_read_is_counted_and_what_was_erased_is_not() -> None:
    found = find(standing((0, b"nonsense"), (1, b""), (2, encode(snapshot(5, 2)))))
    assert (offsets(found.snapshots), found.unreadable) == ([5], 1)


def test_a_snapshot_of_another_partition_layout_or_log_is_refused() -> None:
    assert refusal(snapshot(10), 3, 10) is None
    assert "partition 3" in str(refusal(snapshot(10), 2, END))
    assert "beyond the end of the log, 9" in str(refusal(snapshot(10), 3, 9))
    assert f"layout {LAYOUT + 1}" in str(refusal(snapshot(10).model_copy(update={"layout": LAYOUT + 1}), 3, END))


def test_another_fingerprint_is_named() -> None:
    assert migration(snapshot(10)) is None
    older = snapshot(10).model_copy(update={"fingerprint_version": "fp0"})
    assert migration(older) == f"fingerprints fp0 became {FINGERPRINT_VERSION}"


@given(st.lists(st.booleans(), max_size=30))
def test_at_any_time_two_snapshots_are_whole(lives: list[bool]) -> None:
    """Whether or not a writer dies half way through a slot (false), the two newest before it are untouched."""
    whole: dict[int, Snapshot] = {}
    done = 0
    for number, is_finished in enumerate(lives, start=1):
        kept = find(written(*whole.values())).snapshots
        slot = next_slot(kept)
        assert 0 <= slot < SLOTS
        whole.pop(slot, None)  # its chunks are being overwritten
        assert set(offsets(kept[:2])) <= set(offsets([*whole.values()]))
        if is_finished:
            whole[slot] = snapshot(number, slot)
            done += 1
        assert len(whole) >= min(done, 2)


def test_a_snapshot_that_was_refused_is_the_next_to_be_overwritten() -> None:
    older = [snapshot(20, 1), snapshot(10, 2)]
    assert next_slot(older) == 0
    assert next_slot([snapshot(30, 0), snapshot(20, 0), snapshot(10, 1)]) == 2
