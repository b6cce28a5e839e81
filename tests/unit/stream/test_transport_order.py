"""What was fetched is handed on nearest to its end first, and each partition of a topic in turn."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher, FetchResult

from pipeline.stream.transport.consumer import _AsEntries
from schemas.topics import ALERTS, RAW

AT_ONCE = 500
RAW_0, RAW_1, ALERTS_0 = TopicPartition(RAW.name, 0), TopicPartition(RAW.name, 1), TopicPartition(ALERTS.name, 0)


class Fetched:
    """A fetcher that has `records` of each partition in hand, in the order in which they came."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, records: dict[TopicPartition, int]) -> None:
        self._left = dict(records)
        monkeypatch.setattr(FetchResult, "getall", lambda result, most: self._take(result._topic_partition, most))
        monkeypatch.setattr(FetchResult, "has_more", lambda result: self._left[result._topic_partition] > 0)
        known = _AsEntries()
        for place in records:
            known[place] = result = object.__new__(FetchResult)
            result._topic_partition = place
        self._fetcher: Any = SimpleNamespace(
            _records=known,
            _subscriptions=SimpleNamespace(reassignment_in_progress=False, is_assigned=lambda _: True),
            _wait_consume_future=None,
            _notify=lambda _: None,
        )

    def _take(self, place: TopicPartition, most: int) -> list[TopicPartition]:
        count = min(most, self._left[place])
        self._left[place] -= count
        return [place] * count

    def next(self, *active: TopicPartition) -> dict[TopicPartition, int]:
        """What Faust is handed at once, of partitions whose agents have room."""
        drained = asyncio.run(Fetcher.fetched_records(self._fetcher, set(active), max_records=AT_ONCE))
        return {place: len(found) for place, found in drained.items()}


def test_triage_does_not_wait_until_all_is_normalised_that_one_fetch_brought(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = Fetched(monkeypatch, {RAW_0: 30_000, ALERTS_0: 700})
    assert fetched.next(RAW_0, ALERTS_0) == {ALERTS_0: 500}
    assert fetched.next(RAW_0, ALERTS_0) == {ALERTS_0: 200, RAW_0: 300}
    assert fetched.next(RAW_0, ALERTS_0) == {RAW_0: 500}


def test_while_triage_has_no_room_more_is_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = Fetched(monkeypatch, {ALERTS_0: 30_000, RAW_0: 700})
    assert fetched.next(RAW_0) == {RAW_0: 500}
    assert fetched.next(RAW_0, ALERTS_0) == {ALERTS_0: 500}


def test_partitions_of_a_topic_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = Fetched(monkeypatch, {RAW_0: 30_000, RAW_1: 700})
    taken = [fetched.next(RAW_0, RAW_1) for _ in range(4)]
    assert taken == [{RAW_0: 500}, {RAW_1: 500}, {RAW_0: 500}, {RAW_1: 200, RAW_0: 300}]
