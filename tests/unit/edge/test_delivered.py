"""The memory of what was delivered: by revision, and as long as a page may come again."""

from pipeline.codec import encode
from pipeline.edge.delivered import Delivered
from pipeline.log.entry import Entry
from schemas import Delivery
from schemas.topics import DELIVERIES, PAGES
from tests.pages import page


def delivery(incident_id: str, revision: int, at_ms: int = 0) -> Delivery:
    return Delivery(incident_id=incident_id, revision=revision, delivered_at_ms=at_ms)


def entry(value: bytes) -> Entry:
    return Entry(DELIVERIES.name, 0, 0, "", value, {}, 0)


def test_a_page_at_or_below_the_delivered_revision_is_covered() -> None:
    delivered = Delivered.recall([entry(encode(delivery("a", 4))), entry(encode(delivery("a", 2)))])
    assert [delivered.covers(page("a", revision=revision)) for revision in (1, 4, 5)] == [True, True, False]
    assert not delivered.covers(page("b"))


def test_a_record_that_is_no_delivery_is_counted_and_covers_nothing() -> None:
    delivered = Delivered.recall([entry(b"\xff"), entry(b"{}")])
    assert delivered.unreadable == 2
    assert not delivered.covers(page("a"))


def test_what_was_delivered_is_known_as_long_as_its_page_may_be_read_again() -> None:
    delivered = Delivered()
    delivered.note(delivery("a", 1, at_ms=0))
    delivered.note(delivery("b", 1, at_ms=10))
    delivered.note(delivery("a", 2, at_ms=20))
    delivered.forget(PAGES.retention_ms + 20)
    assert delivered.covers(page("b"))
    delivered.forget(DELIVERIES.retention_ms + 15)
    assert delivered.covers(page("a", revision=2))
    assert not delivered.covers(page("b"))
