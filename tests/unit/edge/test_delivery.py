"""The order of pages: laws over any scene, and the turns that resolves and triggers take."""

from dataclasses import dataclass, field
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.delivery import Answer, AnswerKind, DeliveryQueue, Pace, Ticket, backoff_ms
from pipeline.edge.progress import Progress
from tests.pages import entry, page

ACCEPTED = Answer(AnswerKind.ACCEPTED, "202")
REFUSED = Answer(AnswerKind.REFUSED, "400")
LATER = Answer(AnswerKind.LATER, "500")
THROTTLED = Answer(AnswerKind.THROTTLED, "429")
PACE = Pace(slots=3)
ALWAYS_LONGEST = lambda: 0.999  # noqa: E731  # a jitter, not a function worth a name


def ticket(
    incident_id: str, action: str = "trigger", lane: str = "default", revision: int = 1, offset: int = 0
) -> Ticket:
    told = page(incident_id, action, revision)
    return Ticket(told, entry(told, offset), lane)


@dataclass
class Scene:
    """A queue and its books, driven as the pager drives them, with a clock that moves only when nothing else can."""

    queue: DeliveryQueue = field(default_factory=lambda: DeliveryQueue(PACE, ALWAYS_LONGEST))
    progress: Progress = field(default_factory=Progress)
    now_ms: int = 0
    in_flight: list[Ticket] = field(default_factory=list)
    taken: list[Ticket] = field(default_factory=list)
    finished: list[Ticket] = field(default_factory=list)

    def add(self, ticket: Ticket) -> None:
        self.progress.begin(("pages", 0), ticket.entry.offset, 0)
        self.queue.add(ticket)

    def send(self) -> None:
        while (ticket := self.queue.take(self.now_ms)) is not None:
            self.in_flight.append(ticket)
            self.taken.append(ticket)
            incidents = [one.incident_id for one in self.in_flight]
            assert len(set(incidents)) == len(incidents) <= PACE.slots, "one page of an incident at a time"

    def settle(self, position: int, answer: Answer | None) -> None:
        ticket = self.in_flight.pop(position % len(self.in_flight))
        if self.queue.settle(ticket, answer, self.now_ms):
            self.progress.finish(("pages", 0), ticket.entry.offset)
            self.finished.append(ticket)

    def wait(self) -> None:
        wake_at_ms = self.queue.wake_at_ms()
        assert wake_at_ms is not None, "a page waits for nothing and is not sent"
        assert wake_at_ms >= self.now_ms or not self.in_flight
        self.now_ms = max(self.now_ms, wake_at_ms)


pages = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from(["trigger", "resolve"]), st.sampled_from(["red", "blue"])),
    min_size=1,
    max_size=30,
)
steps = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([ACCEPTED, REFUSED, LATER, THROTTLED, None])),
    max_size=60,
)


@given(pages, steps)
def test_whatever_the_answers_every_page_is_finished_once_and_in_its_incidents_order(
    told: list[tuple[str, str, str]], answers: list[tuple[int, int, Answer | None]]
) -> None:
    scene = Scene()
    tickets = [ticket(name, action, lane, offset=offset) for offset, (name, action, lane) in enumerate(told)]
    coming = iter(tickets)
    rest = iter(answers)
    while len(scene.finished) < len(tickets):
        count, position, answer = next(rest, (1, 0, ACCEPTED))
        for new in islice(coming, count):
            scene.add(new)
        scene.send()
        if scene.in_flight:
            scene.settle(position, answer)
        elif scene.queue.pages:
            scene.wait()
        committed = scene.progress.committable().get(("pages", 0), 0)
        assert all(one.entry.offset < committed for one in tickets[:committed])
        assert set(tickets[:committed]) <= set(scene.finished), "the commit never passes an unfinished entry"
    assert sorted(one.entry.offset for one in scene.finished) == list(range(len(tickets)))
    for name in "abcde":
        offsets = [one.entry.offset for one in scene.finished if one.incident_id == name]
        assert offsets == sorted(offsets)
    assert (scene.queue.pages, scene.queue.bytes, scene.queue.in_flight) == (0, 0, 0)
    assert scene.progress.committable() == {("pages", 0): len(tickets)}


@given(st.integers(1, 20), st.integers(1, 20), st.lists(st.sampled_from([ACCEPTED, THROTTLED, LATER]), max_size=80))
def test_of_any_two_turns_one_is_a_resolves_while_both_lines_wait(
    triggers: int, resolves: int, answers: list[Answer]
) -> None:
    queue = DeliveryQueue(Pace(slots=1), ALWAYS_LONGEST)
    for number in range(triggers):
        queue.add(ticket(f"t{number}"))
    for number in range(resolves):
        queue.add(ticket(f"r{number}", "resolve"))
    waiting = {"trigger": triggers, "resolve": resolves}
    now_ms, before, rest = 0, "", iter(answers)
    while queue.pages:
        taken = queue.take(now_ms)
        if taken is None:
            now_ms = queue.wake_at_ms() or now_ms
            continue
        action = taken.page.event_action
        other = "resolve" if action == "trigger" else "trigger"
        answer = next(rest, ACCEPTED)
        if answer is LATER:  # it waits elsewhere; from here on the lines are shorter than we count
            return
        assert before != action or waiting[other] == 0
        before = action
        waiting[action] -= answer is ACCEPTED
        queue.settle(taken, answer, now_ms)


def test_a_resolve_behind_a_thousand_triggers_is_among_the_first_two() -> None:
    scene = Scene()
    for number in range(1000):
        scene.add(ticket(f"t{number}", offset=number))
    scene.add(ticket("old", "resolve", offset=1000))
    scene.send()
    assert "old" in [one.incident_id for one in scene.taken[:2]]


def test_a_throttled_routing_key_pauses_alone() -> None:
    scene = Scene()
    for number in range(3):
        scene.add(ticket(f"red{number}", lane="red", offset=number))
    scene.send()
    for _ in range(3):
        scene.settle(0, THROTTLED)
    scene.add(ticket("blue", lane="blue", offset=3))
    scene.send()
    assert [one.incident_id for one in scene.in_flight] == ["blue"]


def test_after_a_pause_one_page_tries_before_the_others_follow() -> None:
    scene = Scene()
    for number in range(3):
        scene.add(ticket(f"t{number}", offset=number))
    scene.send()
    for _ in range(3):
        scene.settle(0, THROTTLED)
    scene.send()
    assert scene.in_flight == []
    scene.wait()
    scene.send()
    assert len(scene.in_flight) == 1
    scene.settle(0, ACCEPTED)
    scene.send()
    assert len(scene.in_flight) == 2


def test_a_page_that_slipped_through_does_not_end_the_pause() -> None:
    scene = Scene()
    for number in range(5):
        scene.add(ticket(f"t{number}", offset=number))
    scene.send()
    for answer in (THROTTLED, ACCEPTED, THROTTLED):
        scene.settle(0, answer)
    scene.send()
    assert scene.in_flight == []
    scene.wait()
    scene.send()
    assert len(scene.in_flight) == 1


def test_retry_after_is_obeyed_within_bounds() -> None:
    for asked_s, waited_s in ((7, 7), (100_000, 300)):
        scene = Scene()
        scene.add(ticket("a"))
        scene.send()
        scene.settle(0, THROTTLED._replace(retry_after_ms=asked_s * 1000))
        scene.wait()
        assert scene.now_ms == waited_s * 1000


def test_a_page_that_never_succeeds_costs_the_others_nothing_but_its_turn() -> None:
    scene = Scene()
    for number, name in enumerate("abcdef"):
        scene.add(ticket(name, offset=number))
    while len(scene.finished) < 5:
        scene.send()
        if not scene.in_flight:
            scene.wait()
            continue
        scene.settle(0, LATER if scene.in_flight[0].incident_id == "a" else ACCEPTED)
    assert sum(one.incident_id == "a" for one in scene.taken) == 1
    assert scene.progress.committable() == {}, "b to f are finished, but a is not, and it comes first"


def test_backoff_doubles_up_to_its_longest_with_full_jitter() -> None:
    pace = Pace(first_wait_ms=500, longest_wait_ms=60_000)
    assert [backoff_ms(attempts, pace, 0.5) for attempts in (1, 2, 3, 8, 5000)] == [250, 500, 1000, 30_000, 30_000]
    assert backoff_ms(3, pace, 0.0) == 0
