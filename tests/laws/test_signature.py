"""A body is taken for PagerDuty's if, and only if, one of its signatures was made of it with one of our secrets."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.gateway.signature import Secrets
from tests.webhooks import signature

BODIES = st.binary(max_size=200)
SECRETS = st.lists(
    st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1), min_size=1, max_size=3, unique=True
)
FOREIGN = "v1=" + "0" * 64


@given(BODIES, SECRETS, st.data())
def test_one_right_signature_among_others_opens_in_any_order(
    body: bytes, secrets: list[str], data: st.DataObject
) -> None:
    right = signature(body, data.draw(st.sampled_from(secrets)))
    others = ["", FOREIGN, right.replace("v1=", "v2="), "v1=", "nonsense", signature(body, "\0 nobody's")]
    shown = data.draw(st.permutations([right, *data.draw(st.lists(st.sampled_from(others), max_size=5))]))
    joint = data.draw(st.sampled_from([",", ", ", " ,"]))
    assert Secrets(secrets).have_signed(body, [joint.join(shown)])
    assert Secrets(secrets).have_signed(body, shown)
    assert not Secrets(secrets).have_signed(body, [joint.join(one for one in shown if one != right)])


@given(BODIES, SECRETS)
def test_while_either_side_changes_its_secret_what_the_other_knows_opens(body: bytes, secrets: list[str]) -> None:
    old, new = secrets[0], secrets[0] + "new"
    for known, signed in (([old], [new, old]), ([old, new], [old]), ([old, new], [new])):
        assert Secrets(known).have_signed(body, [signature(body, *signed)])
    assert not Secrets([new]).have_signed(body, [signature(body, old)])


@given(st.binary(min_size=1, max_size=200), SECRETS, st.data())
def test_any_bit_flipped_in_the_body_is_refused(body: bytes, secrets: list[str], data: st.DataObject) -> None:
    assert not Secrets(secrets).have_signed(_flipped(body, data), [signature(body, *secrets)])


@given(BODIES, SECRETS, st.data())
def test_any_bit_flipped_in_the_signature_is_refused(body: bytes, secrets: list[str], data: st.DataObject) -> None:
    flipped = _flipped(signature(body, secrets[0]).encode(), data).decode("latin-1")
    assert not Secrets(secrets).have_signed(body, [flipped])


@given(BODIES, SECRETS, st.integers(0, 66))
def test_a_part_of_a_signature_is_none(body: bytes, secrets: list[str], length: int) -> None:
    assert not Secrets(secrets).have_signed(body, [signature(body, secrets[0])[:length]])


@given(BODIES, st.lists(st.text(), max_size=3))
def test_without_a_secret_nothing_is_taken(body: bytes, shown: list[str]) -> None:
    assert not Secrets([]).have_signed(body, [*shown, signature(body, "")])


def _flipped(value: bytes, data: st.DataObject) -> bytes:
    place = data.draw(st.integers(0, 8 * len(value) - 1))
    return bytes(byte ^ (1 << place % 8) if at == place // 8 else byte for at, byte in enumerate(value))
