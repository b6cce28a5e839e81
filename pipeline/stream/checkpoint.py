"""A checkpoint: the state at one offset, cut into chunks, and the `Snapshot` that says how they make it up again.

Pure. A state may have hundreds of megabytes and a record 16, so a state is chunks; the `Snapshot` is written when all
of them are durable, and names each by its offset. So a writer that dies half way leaves nothing that looks whole, two
writers of one partition (the one was stalled) cannot mix their chunks, and a reader fetches exactly the bytes that it
needs, however much that compaction has not removed yet stands around them.

Snapshots take turns in SLOTS slots. A slot's chunks have the same keys each time, so that compaction removes the ones
before. With three slots, two snapshots are whole at any time, also while the third is being overwritten.
"""

import zlib
from collections.abc import Iterable, Sequence
from mmap import mmap
from typing import NamedTuple

import cramjam

from pipeline.codec import decode, encode
from pipeline.core.fingerprint import VERSION as FINGERPRINT_VERSION
from pipeline.errors import Rejected
from pipeline.log import Entry
from schemas import Chunk, Snapshot

LAYOUT = 1
SLOTS = 3
CHUNK_BYTES = 4 * 1024 * 1024  # before it is packed: far within a record, and 10 ms or so of work at a time
_FASTEST = 1  # zstd's level: 29 MB of state in 59 ms, a third smaller (FAUST.md)


class Taken(NamedTuple):
    """The state of a partition, taken between two records, and the name of the policy that decided until there."""

    partition: int
    next_offset: int
    state: bytes | mmap
    at_ms: int
    policy: str


class Found(NamedTuple):
    """The snapshots of a partition, newest first, and how many records are none."""

    snapshots: list[Snapshot]
    unreadable: int


def cut(state: bytes | mmap, size: int = CHUNK_BYTES) -> list[memoryview]:
    """`state` in pieces of `size`; an empty one is one empty piece."""
    view = memoryview(state)
    return [view[start : start + size] for start in range(0, max(len(view), 1), size)]


def pack(piece: memoryview) -> bytes:
    """A piece as it is stored."""
    return bytes(cramjam.zstd.compress(piece, _FASTEST))


def chunk_of(piece: memoryview, offset: int) -> Chunk:
    """What is remembered of `piece`, which stands at `offset`."""
    return Chunk(offset=offset, size=len(piece), crc32=zlib.crc32(piece))


def snapshot_of(taken: Taken, slot: int, chunks: Sequence[Chunk]) -> Snapshot:
    """The record that makes `chunks` a snapshot."""
    return Snapshot(
        slot=slot,
        partition=taken.partition,
        next_offset=taken.next_offset,
        taken_at_ms=taken.at_ms,
        layout=LAYOUT,
        policy=taken.policy,
        fingerprint_version=FINGERPRINT_VERSION,
        chunks=tuple(chunks),
    )


def unpack(chunk: Chunk, packed: bytes | None) -> bytes:
    """The piece that `chunk` describes. Raises ValueError if `packed` is something else, or missing."""
    if packed is None:
        raise ValueError(f"the chunk at offset {chunk.offset} is missing")
    try:
        piece = bytes(cramjam.zstd.decompress(packed))
    except cramjam.DecompressionError as exc:
        raise ValueError(f"the chunk at offset {chunk.offset} cannot be unpacked") from exc
    if (len(piece), zlib.crc32(piece)) != (chunk.size, chunk.crc32):
        raise ValueError(f"the chunk at offset {chunk.offset} is not what was written: its checksum differs")
    return piece


def find(entries: Iterable[Entry]) -> Found:
    """What stands in a partition of `snapshots`: the last of each slot, as if all else were compacted away.

    In the order of what they have read, not of when they were written: one that a stalled worker wrote late is older,
    and no less true.
    """
    last = {entry.key: entry.value for entry in entries}
    snapshots: list[Snapshot] = []
    unreadable = 0
    for value in last.values():
        if not value:
            continue  # a tombstone
        try:
            snapshots.append(decode(Snapshot, value))
        except Rejected:
            unreadable += 1
    return Found(sorted(snapshots, key=lambda snapshot: snapshot.next_offset, reverse=True), unreadable)


def is_of_another_log(snapshot: Snapshot, end: int) -> bool:
    """Whether it has read more than there is: the topic was made anew, or the log has lost its tail.

    Used, all that comes until then would be taken for what it has read.
    """
    return snapshot.next_offset > end


def refusal(snapshot: Snapshot, partition: int, end: int) -> str | None:
    """Why `snapshot` cannot be the state of `partition` of `alerts`, which ends at `end`; None if it can."""
    if snapshot.layout != LAYOUT:
        return f"it has layout {snapshot.layout}, this version reads {LAYOUT}"
    if snapshot.partition != partition:
        return f"it is of partition {snapshot.partition}"
    if is_of_another_log(snapshot, end):
        return f"it stands at {snapshot.next_offset}, beyond the end of the log, {end}"
    return None


def migration(snapshot: Snapshot) -> str | None:
    """What is different now, in a state that is used nevertheless; None if nothing is. Of a policy, the log says so."""
    if snapshot.fingerprint_version == FINGERPRINT_VERSION:
        return None
    return f"fingerprints {snapshot.fingerprint_version} became {FINGERPRINT_VERSION}"


def size_of(snapshot: Snapshot) -> int:
    """The bytes of the state that `snapshot` is of."""
    return sum(chunk.size for chunk in snapshot.chunks)


def next_slot(kept: Sequence[Snapshot]) -> int:
    """The slot to overwrite: that of none of the two newest of `kept`, which are in order, newest first."""
    spared: list[int] = []
    for snapshot in kept:
        if snapshot.slot not in spared:
            spared.append(snapshot.slot)
    return min(set(range(SLOTS)) - set(spared[: SLOTS - 1]))


def chunk_key(slot: int, number: int) -> str:
    """The key of a chunk: what it overwrites is the same chunk of the snapshot that had the slot before."""
    return f"{slot}/{number}"


def frame(taken: Taken, slot: int) -> bytes:
    """The `Snapshot` and its chunks in one piece, for a log that has no limit on a value."""
    chunks: list[Chunk] = []
    body: list[bytes] = []
    at = 0
    for piece in cut(taken.state):
        body.append(pack(piece))
        chunks.append(chunk_of(piece, at))
        at += len(body[-1])
    return b"\n".join((encode(snapshot_of(taken, slot, chunks)), b"".join(body)))


def unframe(value: bytes) -> tuple[Snapshot, bytes]:
    """What `frame` made of a snapshot, and the state that it is of. Raises ValueError if any of it is damaged."""
    head, _, body = value.partition(b"\n")  # JSON has no line of its own
    try:
        snapshot = decode(Snapshot, head)
    except Rejected as exc:
        raise ValueError(f"its description cannot be read: {exc}") from exc
    ends = [*(chunk.offset for chunk in snapshot.chunks[1:]), len(body)]
    return snapshot, b"".join(
        unpack(chunk, body[chunk.offset : end]) for chunk, end in zip(snapshot.chunks, ends, strict=True)
    )
