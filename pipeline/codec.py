"""Records to bytes and back. No dict passes here: what goes out is a record, what comes in is one or is rejected."""

from typing import Annotated, Any, TypeVar

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from pipeline.errors import Rejected
from schemas import Alerts, Control, Tick
from schemas.record import Record

R = TypeVar("R", bound=Record)
AlertsTopicRecord = Annotated[Alerts | Tick | Control, Field(discriminator="kind")]
_ALERTS_TOPIC: TypeAdapter[Alerts | Tick | Control] = TypeAdapter(AlertsTopicRecord)


def encode(record: Record) -> bytes:
    """A record as compact JSON; the same record always gives the same bytes.

    They are pydantic's (tests/laws/test_codec.py), written by orjson in a third of the time.
    """
    try:
        return tight(orjson.dumps(record.__dict__, default=_fields))
    except TypeError:  # an int beyond 64 bits, or what is no text: pydantic writes it, or says what is wrong
        return record.__pydantic_serializer__.to_json(record)


def around(record: Record, name: str) -> tuple[bytes, bytes] | None:
    """What stands in `encode(record)` before and behind the value of its field `name`, neither its first nor its last.

    None where that takes pydantic, which writes only whole records.
    """
    before, behind = dict[str, Any](), dict[str, Any]()
    part = before
    for field, value in record.__dict__.items():
        if field == name:
            part = behind
        else:
            part[field] = value
    try:
        first, last = orjson.dumps(before, default=_fields), orjson.dumps(behind, default=_fields)
    except TypeError:
        return None
    return first[:-1] + b',"%b":' % name.encode(), b"," + last[1:]


def _fields(record: Record) -> dict[str, Any]:
    return record.__dict__


def tight(written: bytes) -> bytes:
    """The same bytes in the memory that they need: what orjson writes has 4 KB, for as long as it is kept.

    500 records in hand would be 2 MB, and 65,536 labels that are remembered 270 MB.
    """
    return bytes(memoryview(written))


def decode(kind: type[R], value: bytes) -> R:
    """Read one record of `kind`. Raises Rejected, naming the field."""
    try:
        return kind.model_validate_json(value)
    except ValidationError as exc:
        raise rejection(exc) from None


def decode_alerts(value: bytes) -> Alerts | Tick | Control:
    """Read a record of the topic `alerts`. Raises Rejected, naming the field."""
    try:
        return _ALERTS_TOPIC.validate_json(value)
    except ValidationError as exc:
        raise rejection(exc) from None


def rejection(exc: ValidationError, at: str = "") -> Rejected:
    """The first error of `exc` as one Rejected whose path starts at `at`, without the offending value."""
    first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    path = at
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return Rejected(first["msg"], path)
