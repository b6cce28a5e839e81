"""The laws of how long alerts fired before: it equals its oracle exactly, JIT on or off, and outlives a snapshot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.actionability import spells as module
from pipeline.core.actionability.spells import Spells
from tests.apart import samples
from tests.laws.spells_oracle import OracleSpells

MINUTE_MS, DAY_MS = 60_000, 86_400_000
EPOCH_MS = 1_700_000_000_000
# Keys of a kind are apart from those of others, as its callers see to.
templates, alerts = (st.sampled_from([kind << 60 | n for n in range(3)]) for kind in (1, 2))
times_ms = st.integers(0, 3 * DAY_MS // MINUTE_MS).map(lambda minutes: EPOCH_MS + minutes * MINUTE_MS)
lengths_ms = st.sampled_from([-5, 0, 29_999, 30_000, 299_999, 540_000, 599_999, 600_000, DAY_MS, 40 * DAY_MS])
ends = st.tuples(templates, alerts, times_ms, lengths_ms)
asked = st.tuples(
    templates,
    alerts,
    times_ms,
    st.sampled_from([0, 29_999, 30_000, 600_000, 3_600_000]),
    st.sampled_from([1, 60_000, 1_500_000, DAY_MS]),
)


@given(st.lists(ends, max_size=60), asked)
def test_how_long_a_page_waits_equals_its_oracle(
    past: list[tuple[int, int, int, int]], now: tuple[int, int, int, int, int]
) -> None:
    spells, oracle = Spells(), OracleSpells()
    for end in past:
        spells.end(*end)
        oracle.end(*end)
    waits = spells.choose(*now)
    assert tuple(waits) == oracle.choose(*now)
    assert waits.for_ms <= now[3]
    for key in now[:2]:
        assert spells.hours(key, now[2]) == oracle.hours(key, now[2])
    assert len(spells) == len(oracle.past)
    again = Spells(spells.known())
    assert again.choose(*now) == waits
    assert again.known().tobytes() == spells.known().tobytes()


@given(st.lists(ends, max_size=4), asked)
def test_too_little_history_is_no_hold(
    past: list[tuple[int, int, int, int]], now: tuple[int, int, int, int, int]
) -> None:
    spells = Spells()
    for end in past:
        spells.end(*end)
    assert spells.choose(*now).for_ms == 0


@given(st.lists(ends, max_size=60), asked, st.integers(1, 1_500_000))
def test_who_has_less_patience_never_waits_longer(
    past: list[tuple[int, int, int, int]], now: tuple[int, int, int, int, int], less: int
) -> None:
    spells = Spells()
    for end in past:
        spells.end(*end)
    template, key, at_ms, most_ms, patience_ms = now
    waits = spells.choose(template, key, at_ms, most_ms, max(1, patience_ms - less))
    assert waits.for_ms <= spells.choose(*now).for_ms


def test_what_did_not_end_for_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SLOTS", 32)
    spells = Spells()
    for n in range(100):
        spells.end(1 << 60, 2 << 60 | n, n * MINUTE_MS, 1000)
        assert len(spells) <= 16
    keys = set(spells.known()["key"].tolist())
    assert {1 << 60, 2 << 60 | 99} < keys
    assert 2 << 60 not in keys
    assert spells.choose(1 << 60, 2 << 60, 0, 600_000, 1_500_000).ended == 0


def test_it_is_the_same_without_the_jit() -> None:
    assert len(samples(__name__, "NUMBA_DISABLE_JIT", ("0", "1"))) == 1


def sample() -> bytes:
    """What is chosen and known while some hundreds of alerts end."""
    spells, chosen = Spells(), []
    for n in range(400):
        keys, at_ms = (1 << 60 | n % 3, 2 << 60 | n % 17), n * n * 61_237
        chosen.append(spells.choose(*keys, at_ms, 600_000, 1_500_000))
        spells.end(*keys, at_ms, n * n * 7919 % 1_200_000)
    return np.array(chosen).tobytes() + spells.known().tobytes()
