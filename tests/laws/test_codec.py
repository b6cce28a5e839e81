"""What is written is what pydantic writes, byte for byte, for every record of every topic."""

from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codec import around, encode
from schemas import Alert, Alerts, Rejected, Tick
from schemas.record import Record
from schemas.topics import TOPICS
from tests.scene import alert, at

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["\x7f\x00\x1f\u2028", '"\\/\b\f\n\r\t', "é😀"]
)
FLOATS = st.floats() | st.sampled_from([0.1, 1e-7, 1e16, 1e22, 5e-324, 0.30000000000000004])
INTS = st.integers(-(2**70), 2**70) | st.integers(0, 2**41)


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type, records among them with every field given."""
    if isinstance(kind, type) and issubclass(kind, Record):
        return st.fixed_dictionaries(
            {name: of_type(field.annotation) for name, field in kind.model_fields.items()}
        ).map(lambda fields: kind.owning({name: fields[name] for name in kind.model_fields}))  # in their order
    simple: dict[Any, st.SearchStrategy[Any]] = {str: TEXTS, float: FLOATS, int: INTS}
    if kind in simple:
        return simple[kind]
    if get_origin(kind) is tuple:
        return st.lists(of_type(get_args(kind)[0]), max_size=3).map(tuple)
    if get_origin(kind) is dict:
        return st.dictionaries(TEXTS, of_type(get_args(kind)[1]), max_size=3)
    choices = get_args(kind)
    if choices and not all(isinstance(choice, str) for choice in choices):  # a union, not a Literal
        return st.one_of(*map(of_type, choices))
    return st.from_type(kind)


KINDS = list({kind.__name__: kind for topic in TOPICS for kind in topic.record}.values())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_record_is_written_as_pydantic_writes_it(kind: type[Record], data: st.DataObject) -> None:
    record = data.draw(of_type(kind))
    assert encode(record) == record.model_dump_json().encode()


@given(of_type(Alert), st.integers(0, 2**41))
def test_what_stands_around_a_field_is_what_is_written_around_it(alert: Alert, at_ms: int) -> None:
    pieces = around(alert, "at_ms")
    # As for ints beyond 64 bits, which only pydantic writes.
    assert pieces is None or (b"%d" % at_ms).join(pieces) == encode(alert.altered(at_ms=at_ms))


def test_what_stands_around_a_time_is_known() -> None:
    [record] = at(0, alert("disk", at_ms="5"))
    assert isinstance(record, Alerts)
    pieces = around(record.alerts[0], "at_ms")
    assert pieces is not None
    assert pieces[0].endswith(b'"status":"firing","at_ms":')
    assert pieces[1].startswith(b',"starts_at_ms":')


def test_a_number_beyond_64_bits_is_written_too() -> None:
    assert encode(Tick(at_ms=2**70)) == b'{"kind":"tick","at_ms":%d}' % 2**70


def test_half_a_character_is_refused_as_pydantic_refuses_it() -> None:
    record = Rejected(source="s", reason="r", where="", at_ms=0, body="").altered(body="\ud800")
    with pytest.raises(ValueError, match="surrogates not allowed"):
        encode(record)
