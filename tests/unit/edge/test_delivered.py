"""The memory of what was delivered: by version, and as long as a page may come again."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.codec import encode
from pipeline.edge.delivered import Delivered, place_of
from pipeline.log.entry import Entry
from schemas import Delivery, Page
from schemas.topics import DELIVERIES, PAGES
from tests.pages import entry as standing
from tests.pages import page


def delivery(incident_id: str, revision: int, at_ms: int = 0) -> Delivery:
    return Delivery(incident_id=incident_id, revision=revision, delivered_at_ms=at_ms)


def told_at(caused_at: int, revision: int, action: str = "trigger") -> tuple[Page, Entry]:
    told = page("a", action, revision=revision)
    return told, standing(told, caused_at=caused_at)


def covers(delivered: Delivered, told: Page) -> bool:
    return delivered.covers(told, standing(told))


def entry(value: bytes) -> Entry:
    return Entry(DELIVERIES.name, 0, 0, "", value, {}, 0)


def test_a_page_at_or_below_the_delivered_revision_is_covered() -> None:
    delivered = Delivered.recall([entry(encode(delivery("a", 4))), entry(encode(delivery("a", 2)))])
    assert [covers(delivered, page("a", revision=revision)) for revision in (1, 4, 5)] == [True, True, False]
    assert not covers(delivered, page("b"))


def test_a_record_that_is_no_delivery_is_counted_and_covers_nothing() -> None:
    delivered = Delivered.recall([entry(b"\xff"), entry(b"{}")])
    assert delivered.unreadable == 2
    assert not covers(delivered, page("a"))


def test_what_was_delivered_is_known_as_long_as_its_page_may_be_read_again() -> None:
    delivered = Delivered()
    delivered.note(delivery("a", 1, at_ms=0))
    delivered.note(delivery("b", 1, at_ms=10))
    delivered.note(delivery("a", 2, at_ms=20))
    delivered.forget(PAGES.retention_ms + 20)
    assert covers(delivered, page("b"))
    delivered.forget(DELIVERIES.retention_ms + 15)
    assert covers(delivered, page("a", revision=2))
    assert not covers(delivered, page("b"))


def test_a_repetition_is_covered_and_what_a_later_record_caused_is_not() -> None:
    delivered = Delivered()
    delivered.note(Delivery(incident_id="a", revision=3, delivered_at_ms=0, log_partition=0, log_offset=50))
    assert delivered.covers(*told_at(50, 3)), "the same"
    assert delivered.covers(*told_at(50, 2)), "an earlier one of the same record"
    assert delivered.covers(*told_at(40, 2)), "of an earlier record"
    assert not delivered.covers(*told_at(50, 4)), "a later one of the same record"
    assert not delivered.covers(*told_at(60, 4))


def test_a_worker_that_lost_its_state_counts_from_one_again_and_its_page_goes_out() -> None:
    delivered = Delivered()
    delivered.note(Delivery(incident_id="a", revision=9, delivered_at_ms=0, log_partition=0, log_offset=50))
    assert not delivered.covers(*told_at(60, 1))


def test_what_names_no_record_or_one_of_another_partition_goes_by_its_revision() -> None:
    delivered = Delivered()
    delivered.note(Delivery(incident_id="a", revision=3, delivered_at_ms=0, log_partition=7, log_offset=50))
    assert delivered.covers(*told_at(60, 3))
    assert not delivered.covers(*told_at(1, 4))
    assert covers(delivered, page("a", revision=3))
    assert not covers(delivered, page("a", revision=4))


@given(st.lists(st.sampled_from(["trigger", "resolve"]), min_size=1, max_size=8), st.data())
def test_no_repetition_of_the_log_and_no_restart_of_the_pager_opens_a_problem_again(
    actions: list[str], data: st.DataObject
) -> None:
    """A worker may write any stretch of pages again, and a pager may die between the sink's answer and its note."""
    story = [told_at(number // 2, number + 1, action) for number, action in enumerate(actions)]
    topic = [*story]
    for _ in range(data.draw(st.integers(0, 3))):
        cut = data.draw(st.integers(0, len(topic)))
        start = data.draw(st.integers(0, len(story)))
        written = max((story.index(one) for one in topic[:cut]), default=-1)
        topic[cut:cut] = story[start : written + 1]
    notes: list[Entry] = []
    accepted: list[Page] = []
    position = 0
    while position < len(topic):  # each turn is the life of a pager, which begins at most where it stopped
        delivered = Delivered.recall(notes)
        position = data.draw(st.integers(0, position))
        for told, stands_in in topic[position:]:
            position += 1
            if delivered.covers(told, stands_in):
                continue
            accepted.append(told)
            if data.draw(st.booleans()):
                position -= 1  # killed before the note; nothing of the incident goes out meanwhile
                break
            place = place_of(stands_in)
            assert place is not None
            revision = told.payload.custom_details.revision
            note = Delivery(
                incident_id="a", revision=revision, delivered_at_ms=0, log_partition=place[0], log_offset=place[1]
            )
            delivered.note(note)
            notes.append(entry(encode(note)))
    once = [one for one, before in zip(accepted, [None, *accepted], strict=False) if one != before]
    assert once == [told for told, _ in story], "in order, each once but for a repetition of the last"
