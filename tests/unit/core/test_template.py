"""The laws of masking; what becomes of single alerts is in tests/golden/templates.txt."""

from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.mask import masked_identifier, masked_name, masked_pod, masked_text
from pipeline.core.template import template_of
from tests.unit.core.kinds import kind

SAFE = "bcdfghjklmnpqrstvwxz2456789"
words = st.sampled_from(
    ["Disk", "full", "on", "node-exporter", "of", "web", "latency", "(p99)", "api-v2", "is", "high:"]
)
sentences = st.lists(words, min_size=2, max_size=8)
volatile = st.one_of(
    st.integers(0, 10**15).map(str),
    st.floats(-1e6, 1e6).map(str),
    st.uuids().map(str),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.datetimes().map(lambda at: at.isoformat()),
    st.integers(2**40, 2**64).map(hex),
)


@given(sentences, st.lists(volatile, min_size=1, max_size=3), st.integers(0, 8))
def test_a_value_in_a_sentence_does_not_tell_two_apart(told: list[str], values: list[str], index: int) -> None:
    one, *others = [masked_text(" ".join([*told[:index], value, *told[index:]])) for value in [*values, "17"]]
    assert all(other == one for other in others)


@pytest.mark.parametrize(
    "value", [str(UUID(int=2**100)), str(IPv4Address(2**31)), str(IPv6Address(2**127)), "::1", "0x1f", "12:00:01"]
)
def test_a_value_alone_is_all_volatile(value: str) -> None:
    assert masked_text(value) == masked_identifier(value) == masked_name(value) == "*"


@given(
    st.sampled_from(["web", "node-exporter", "api-v2"]),
    st.text(SAFE, min_size=8, max_size=10),
    st.text(SAFE, min_size=5, max_size=5),
)
def test_pods_of_one_deployment_are_one(name: str, replica_set: str, pod: str) -> None:
    assert masked_identifier(f"{name}-{replica_set}-{pod}") == f"{name}-*"
    assert masked_pod(f"{name}-{pod}") == f"{name}-*"
    assert masked_text(f"Pod shop/{name}-{replica_set}-{pod} is down") == f"Pod shop/{name}-* is down"


@given(st.lists(st.one_of(words, volatile), max_size=8).map(" ".join))
def test_what_is_masked_stays_as_it_is(text: str) -> None:
    assert masked_text(masked_text(text)) == masked_text(text)


@given(st.text(max_size=600))
def test_any_text_can_be_masked(text: str) -> None:
    for mask in masked_text, masked_identifier, masked_name, masked_pod:
        assert len(mask(text)) <= 401


def test_long_templates_are_cut_and_told_apart() -> None:
    one, two = (template_of(kind("Long " + "x" * 190, service="s" * 100 + end)) for end in "ab")
    assert len(one) == len(two) == 200
    assert one != two


def test_the_parts_may_be_chosen() -> None:
    alert = kind("SiteDown", site="shop", host="web-1").model_copy(
        update={"annotations": {"summary": "web-1 says 502 after 31 ms"}}
    )
    assert template_of(alert) == "t1:SiteDown"
    assert (
        template_of(alert, ("site", "host", "summary")) == "t1:SiteDown{site=shop,host=*,summary=* says * after * ms}"
    )


@pytest.mark.timeout(10)  # a regular expression that goes astray takes for ever
@pytest.mark.parametrize("piece", ["a", "1", "1.", "a-", "a:", "1a", "@a.", "0:", "::", "*-", "a1-"])
def test_no_text_leads_a_regular_expression_astray(piece: str) -> None:
    for mask in masked_text, masked_identifier, masked_name, masked_pod:
        mask(piece * 5000)
