"""What the normaliser remembers changes nothing: whatever comes, in whatever order, it finds what reading finds."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codec import encode
from pipeline.core.policy import Policy
from pipeline.errors import Rejected
from pipeline.log import Entry
from pipeline.normalise import Normalised, Raw, Read, normalise, read
from pipeline.normalise.normaliser import Normaliser
from pipeline.sources.items import DEEPEST

POLICY = Policy(scope=("tenant", "env"))
KEPT = Normaliser(POLICY)  # through all examples, so that most parts are known when they come
TIME = '"2026-11-23T07:06:05.333471123Z"'
LATER = '"2026-11-23T08:00:00+01:00"'


def rarely(common: st.SearchStrategy[str], rare: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One of 24 is rare: a body has so many parts that most would be bad for more than one reason."""
    return st.sampled_from(range(24)).flatmap(lambda number: rare if number == 13 else common)


def _object(pairs: list[tuple[str, str]], space: str = "") -> str:
    return "{" + ",".join(f"{space}{key}{space}:{space}{value}{space}" for key, value in pairs) + "}"


spaces = st.sampled_from(["", "", "", " ", "\n\t\r "])
texts = st.sampled_from(
    ['""', '"a"', '"b"', '"\\u0061"', '"\\""', '"\\\\"', '"]}"', '"{\\"alerts\\":["', '"é\\ud83d\\ude00"', '"alerts"']
)
nested = st.sampled_from(["[]", "{}", "[{}]", '{"alerts":[{}]}', "[0]", '{"a":"b","c":{}}'])
deep = st.sampled_from([3, DEEPEST - 1, DEEPEST, DEEPEST + 1, 1021, 1022, 1023, 1024, 1030]).map(
    lambda levels: "[" * levels + "]" * levels
)
wrong = st.sampled_from(["]", "}", "01", '"', "\x00", "", ",", '"\n"', '"\\ud800"', "1e999", '"\\x"'])
values = rarely(texts | nested | st.sampled_from(["0", "-0", "2.5", "7", "-7", "null", "true"]) | deep, wrong)
times = rarely(st.sampled_from([TIME, LATER, '"1970-01-01T00:00:00Z"']), st.sampled_from(['""', "5", '"noon"']))
labels = st.lists(
    st.tuples(
        st.sampled_from(['"alertname"', '"env"', '"tenant"', '"severity"', '"\\u0065nv"']), rarely(texts, values)
    ),
    min_size=1,
    max_size=4,
).map(_object)
statuses = rarely(st.sampled_from(['"firing"', '"resolved"', '"\\u0066iring"']), texts)
more = st.one_of(
    st.tuples(st.just('"status"'), statuses),
    st.tuples(st.sampled_from(['"startsAt"', '"endsAt"']), times),
    st.tuples(st.just('"labels"'), labels),
    st.tuples(
        st.sampled_from(['"annotations"', '"fingerprint"', '"generatorURL"', '"alerts"', '"x"']), values | labels
    ),
)
good = ['"status":"firing"', '"labels":{"alertname":"Disk","env":"a"}', f'"startsAt":{TIME}']
worse = ['"status":"resolved"', '"labels":{"alertname":"Disk"}', f'"endsAt":{LATER}']  # without a start
alerts = st.builds(
    lambda first, second, space: f"{{{first},{_object(second, space)[1:]}" if second else f"{{{first}}}",
    rarely(st.just(",".join(good)), st.sampled_from([",".join(worse), *good])),
    st.lists(more, max_size=2),
    spaces,
)
arrays = st.builds(
    lambda found, comma, space: "[" + space + comma.join(found) + space + "]",
    st.lists(rarely(alerts, st.sampled_from(["0", "[]", "-{}", '"{}"', "{}"])), min_size=1, max_size=4),
    rarely(st.sampled_from([",", " , ", "\n,"]), st.sampled_from([",,", "", "0,", ",0", "],["])),
    spaces,
)
keys = rarely(
    st.sampled_from(['"truncatedAlerts"', '"x"', '"Alerts"', '"é"', '"status"']),
    st.sampled_from(['"alerts"', '"\\u0061lerts"', '"alerts\\u0000"']),
)
around = st.lists(st.tuples(keys, values | rarely(values, arrays)), max_size=2)
ends = rarely(st.just(""), st.sampled_from(["{}", "]", "}", '"alerts":[{}]', ",", "0"]))


@st.composite
def webhooks(draw: st.DrawFn) -> bytes:
    """A body as Alertmanager could send it, and worse."""
    space = draw(spaces)
    pairs = [*draw(around), ('"alerts"', draw(rarely(arrays, values))), *draw(around)]
    return f"{draw(ends)}{space}{_object(pairs, space)}{space}{draw(ends)}".encode("utf-8", "surrogatepass")


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A webhook with some of its bytes replaced, left out or doubled."""
    body = bytearray(draw(webhooks()))
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, len(body)))
        last = min(len(body), first + draw(st.integers(0, 5)))
        body[first:last] = draw(
            st.sampled_from(
                [b"", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\xff", b" ", b"0", bytes(body[first:last]) * 2]
            )
        )
    return bytes(body)


raws = st.builds(
    Raw,
    st.one_of(webhooks(), webhooks(), webhooks(), broken()),
    st.sampled_from(["alertmanager", "alertmanager", None, "", "prometheus"]),
    st.sampled_from([None, 0, 1_795_417_565_333, 1_795_000_000_000]),
    st.sampled_from([None, None, "acme", "umbrella", ""]),
)


def found_by(reading: Callable[[Raw], Read], raw: Raw) -> object:
    try:
        found = reading(raw)
    except Rejected as exc:
        return exc.reason, exc.where
    alerts = [(scope, repr(alert), alert.model_fields_set) for scope, alert in found.alerts]
    return alerts, [(bad.reason, bad.where) for bad in found.rejected], repr(found.truncated)


@given(st.lists(raws, min_size=1, max_size=4))
def test_what_is_remembered_changes_nothing(story: list[Raw]) -> None:
    for raw in story + story:
        assert found_by(KEPT.read, raw) == found_by(lambda one: read(one, POLICY), raw)


def found_in(normalised: Normalised) -> object:
    records = [(repr(record), record.model_fields_set) for record in normalised.records]
    values = normalised.values or [encode(record) for record in normalised.records]
    return records, values, repr(normalised.rejected), normalised.truncated


entries = st.builds(
    lambda raw, offset, received: Entry(
        "alerts.raw", 1, offset, "", raw.body, _headers(raw, received), raw.received_at_ms or 7
    ),
    raws,
    st.integers(0, 9),
    st.sampled_from([None, TIME.strip('"'), LATER.strip('"'), "noon"]),
)


def _headers(raw: Raw, received: str | None) -> dict[str, str]:
    found = {"source": raw.source, "received_at": received, "tenant": raw.tenant}
    return {name: text for name, text in found.items() if text is not None}


@given(st.lists(entries, min_size=1, max_size=4))
def test_many_at_once_are_what_each_is_and_are_written_as_it_is(story: list[Entry]) -> None:
    every = story + story
    assert [found_in(one) for one in KEPT.normalise_each(every)] == [found_in(normalise(one, POLICY)) for one in every]


GOOD = b"{" + ",".join(good).encode() + b"}"
OVER = GOOD[:-1].replace(b"firing", b"resolved") + b',"endsAt":%s}' % LATER.encode()
STARTLESS = b"{" + ",".join(worse).encode() + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b'{"alerts":[%s],"alerts":[0]}',
        b'{"alerts":[0],"alerts":[%s]}',
        b'{"alerts":[%s],"\\u0061lerts":[0]}',
        b'{"x":{"alerts":[%s]},"\\u0061lerts":[0]}',
        b'{"x":{"alerts":[%s]}}',
        b'{"x":[{"alerts":[%s]}],"alerts":[0]}',
        b'{"x":"\\",\\"alerts\\":[","alerts":[%s]}',
        b'{"alerts":[%s]}',
        b'{"alerts":[%s , {"labels":{}}]}',
        b'[{"alerts":[%s]}]',
        b'{"alerts":{"alerts":[%s]}}',
        b'{"alerts":[-%s]}',
        b'{"alerts":[0%s]}',
        b'{"alerts":[%s0]}',
        b'{"alerts":[%s,]}',
        b'{"alerts":[[%s]]}',
        b'{"alerts":[%s]]}',
        b'{"alerts":[%s]}}',
        b'{"alerts":[%s]',
        b'{"alerts":[%s]} {"alerts":[]}',
        b'{"alerts":[%s],"x":"\xff"}',
        b'{"alerts":[%s,{"labels":"\xff"}]}',
        b'{"alerts":[%s,{"x":1]]}',
        b'{"truncatedAlerts":true,"alerts":[%s],"truncatedAlerts":3}',
        b'\xef\xbb\xbf{"alerts":[%s]}',
        *(
            b'{"alerts":[%%s,{"x":%s,%s]}' % (b"[" * depth + b"]" * depth, GOOD[1:])
            for depth in (98, 99, 100, 1021, 1022)
        ),
    ],
)
@pytest.mark.parametrize("alert", [GOOD, OVER, STARTLESS])
@pytest.mark.parametrize("at_ms", [None, 5])
def test_a_body_that_could_deceive_does_not(body: bytes, alert: bytes, at_ms: int | None) -> None:
    normaliser = Normaliser(POLICY)
    for told in (b'{"alerts":[%s]}', body, body):
        raw = Raw(told % alert, "alertmanager", at_ms)
        assert found_by(normaliser.read, raw) == found_by(lambda one: read(one, POLICY), raw)


def test_alerts_that_are_known_are_shared_and_stay_as_they_are() -> None:
    normaliser = Normaliser(POLICY)
    body = b'{"alerts":[{"status":"firing","labels":{"alertname":"a"},"startsAt":%s}]}' % TIME.encode()
    [[(_, first)], [(_, second)], [(_, moved)]] = (
        normaliser.read(Raw(body, None, at_ms)).alerts for at_ms in (None, None, 5)
    )
    assert first is second
    assert moved.labels is first.labels
    assert (moved.at_ms, first.at_ms) == (5, 1_795_417_565_333)


def few_examples() -> None:
    """The law without the JIT: the kernel is plain Python, in which an overflow is an error."""
    few = settings(settings.get_profile("fast"), max_examples=30)
    few(test_what_is_remembered_changes_nothing)()
    few(test_many_at_once_are_what_each_is_and_are_written_as_it_is)()


def test_what_is_remembered_changes_nothing_without_the_jit() -> None:
    code = "import numba, tests.conftest; assert numba.config.DISABLE_JIT; "
    code += "from tests.laws.test_normaliser import few_examples; few_examples()"
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, check=True)
