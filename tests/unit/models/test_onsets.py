"""An onset is the event that begins a firing: silence or a resolve ends one, a repeat begins none."""

from models.history import onsets_of, spans_ms
from tests.unit.models.histories import Told, history

HOUR = 3600


def begins(*told: Told, states: frozenset[str] = frozenset()) -> list[int]:
    return [int(at_ms) // 1000 for at_ms in onsets_of(history(told, states=states)).at_ms]


def test_a_repeat_begins_nothing_until_it_was_silent_for_five_minutes() -> None:
    assert begins((0, "scan", "a"), (200, "scan", "a"), (500, "scan", "a"), (801, "scan", "a")) == [0, 801]


def test_a_state_goes_on_through_any_silence_until_it_resolves() -> None:
    told = ((0, "disk", "a"), (4 * HOUR, "disk", "a"), (5 * HOUR, "~disk", "a"), (5 * HOUR + 1, "disk", "a"))
    assert begins(*told, states=frozenset({"disk"})) == [0, 5 * HOUR + 1]


def test_a_state_of_which_nothing_was_heard_for_a_day_begins_anew() -> None:
    assert begins((0, "disk", "a"), (25 * HOUR, "disk", "a"), states=frozenset({"disk"})) == [0, 25 * HOUR]


def test_each_thing_begins_by_itself() -> None:
    assert begins((0, "scan", "a"), (1, "scan", "b"), (2, "scan", "a")) == [0, 1]


def test_a_resolve_alone_begins_nothing() -> None:
    assert begins((0, "~disk", "a")) == []


def test_places_are_watched_from_their_first_event_to_their_last() -> None:
    told = history([(5, "scan", "a"), (65, "scan", "a")], [(0, "scan", "a")])
    assert spans_ms(told).tolist() == [60_000, 0]
