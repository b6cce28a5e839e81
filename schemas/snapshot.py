"""A snapshot: what triage remembered of a partition of `alerts` at one offset, and where the pieces of that stand."""

from pydantic import Field

from schemas.record import Record


class Chunk(Record):
    """One piece of a state, compressed with zstd: a record of `snapshot.chunks`."""

    offset: int = Field(description="where it stands in its partition of `snapshot.chunks`")
    size: int = Field(description="bytes when unpacked")
    crc32: int = Field(description="of the unpacked bytes")


class Snapshot(Record):
    """Written after all of its chunks, so whoever finds it may expect them; their sum is the state."""

    slot: int = Field(description="newer snapshots take turns; each overwrites the chunks of the last one in its slot")
    partition: int = Field(description="of `alerts`")
    next_offset: int = Field(description="of `alerts`: every record before it is in the state, none from it on")
    taken_at_ms: int
    layout: int = Field(description="version of how the chunks make up the state")
    policy: str
    fingerprint_version: str
    chunks: tuple[Chunk, ...]
