"""Topics on Kafka as they stand at one moment, read outside any group: looking never moves what a group has done."""

from collections.abc import Iterator, Sequence
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from pipeline.errors import Missing, Retryable
from pipeline.log.entry import Entry
from pipeline.log.extent import Extent
from pipeline.log.kafka_client import entry_of, make_consumer
from schemas.topics import TOPICS

ANSWER_TIMEOUT_S = 10.0  # for a broker to answer a question
POLL_ENTRIES = 2000
_COMPACTED = frozenset(topic.name for topic in TOPICS if topic.is_compacted)


class KafkaRecording:
    """A `Recording` of `topics` on the Kafka at `bootstrap`, with what `group` has finished."""

    def __init__(self, bootstrap: str, group: str, topics: Sequence[str], since_ms: int | None = None) -> None:
        """Ask how far everything reaches, from `since_ms` on. Raises Retryable, and Missing without topics. Blocks."""
        self._bootstrap = bootstrap
        # Named after the group, because it asks what that has committed; it never joins.
        self._consumer: Any = make_consumer(bootstrap, ANSWER_TIMEOUT_S, group)
        try:
            self.extents = self._ask(topics, since_ms)
        except KafkaError as exc:
            self.close()
            raise Retryable(f"Kafka at {bootstrap} does not tell how far its topics reach: {exc}") from exc
        except BaseException:
            self.close()
            raise

    def read(self, topic: str) -> Iterator[Entry]:
        """See `Recording`."""
        ends = {TopicPartition(topic, number): one.end for number, one in self.extents[topic].items()}
        unread = {place for place, end in ends.items() if self.extents[topic][place.partition].first < end}
        try:
            self._consumer.assign(sorted(unread))
            self._consumer.resume(*unread)  # to assign the same again leaves paused what was read to its end
            for place in unread:
                self._consumer.seek(place, self.extents[topic][place.partition].first)
            while unread:
                records = self._consumer.poll(int(ANSWER_TIMEOUT_S * 1000), max_records=POLL_ENTRIES)
                # By position, not by the last offset: compaction and markers leave gaps.
                reached = {place for place in unread if (self._consumer.position(place) or 0) >= ends[place]}
                if not records and not reached:
                    raise Retryable(f"{topic} could not be read to its end")
                for place, batch in records.items():
                    if place in unread:
                        yield from (entry_of(record) for record in batch if record.offset < ends[place])
                unread -= reached
                self._consumer.pause(*(reached & self._consumer.assignment()))
        except KafkaError as exc:
            raise Retryable(f"{topic} cannot be read: {exc}") from exc

    def close(self) -> None:
        """See `Recording`."""
        self._consumer.close(autocommit=False)

    def _ask(self, topics: Sequence[str], since_ms: int | None) -> dict[str, dict[int, Extent]]:
        timeout_ms = int(ANSWER_TIMEOUT_S * 1000)
        places: dict[str, list[Any]] = {}
        for topic in topics:
            numbers = self._consumer.partitions_for_topic(topic)
            if not numbers:
                raise Missing(f"Kafka at {self._bootstrap} has no topic {topic}: run `pagesieve topics create`")
            places[topic] = [TopicPartition(topic, number) for number in sorted(numbers)]
        committed = {
            place: self._consumer.committed(place, timeout_ms=timeout_ms)
            for several in places.values()
            for place in several
        }
        extents: dict[str, dict[int, Extent]] = {}
        for topic, several in places.items():
            ends = self._consumer.end_offsets(several, timeout_ms=timeout_ms)
            firsts = self._consumer.beginning_offsets(several, timeout_ms=timeout_ms)
            if since_ms is not None and topic not in _COMPACTED:
                since = self._consumer.offsets_for_times(dict.fromkeys(several, since_ms), timeout_ms=timeout_ms)
                firsts = {place: ends[place] if since.get(place) is None else since[place].offset for place in several}
            extents[topic] = {
                place.partition: Extent(firsts[place], ends[place], committed[place]) for place in several
            }
        return extents
