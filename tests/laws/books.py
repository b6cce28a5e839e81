"""A whole log in memory, as the real normalise and triage write it, also when they die and write things twice."""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from pipeline.audit import TOPICS_IN_ORDER, Balance, Flaw, audit
from pipeline.codec import decode, decode_alerts, encode
from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.log import Draft, Entry
from pipeline.log.extent import Extent
from pipeline.normalise.normaliser import Normaliser
from pipeline.stream.drafts import facts_drafts, tick_draft
from pipeline.stream.normalising import normalised_drafts
from schemas import Decisions, Delivery, Incident, Page
from schemas.record import Record
from schemas.topics import ALERTS, DELIVERIES, PAGES, RAW

PARTITIONS = 2
EPOCH_MS = 1_700_000_000_000
POLICY = Policy.model_validate(
    {"scope": ["env"], "group_by": ["cluster"], "resolve_after": 20, "reopen_within": 100, "event_window": 60}
)
NORMALISER = Normaliser(POLICY)

events = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["disk", "cpu", "net"]),
        "labels": st.fixed_dictionaries(
            {"env": st.sampled_from(["prod", "dev", "qa"]), "cluster": st.sampled_from(["eu", "us"])}
        ),
        "severity": st.sampled_from(["warning", "critical"]),
        "status": st.sampled_from(["firing", "firing", "resolved"]),
    }
)
bad = st.sampled_from([{"name": 7}, "no event", {"labels": {}}])
bodies = st.lists(st.one_of(events, events, events, bad), min_size=1, max_size=4)
steps = st.tuples(st.sampled_from([0, 1, 10, 30, 90]), st.integers(0, PARTITIONS - 1), bodies)
# (after which step, how many raw records are normalised again, how many records of `alerts` are triaged again)
crashes = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(0, 3)), max_size=3)


@dataclass(frozen=True)
class Log:
    """A `Recording`: what stands on every topic, and what the worker has finished of it."""

    topics: dict[str, list[Entry]] = field(default_factory=lambda: {name: [] for name in TOPICS_IN_ORDER})
    extents: dict[str, dict[int, Extent]] = field(default_factory=dict)

    def read(self, topic: str) -> Iterator[Entry]:
        yield from self.topics[topic]

    def close(self) -> None:
        """Nothing to let go."""

    def append(self, draft: Draft, at_ms: int) -> Entry:
        partition = zlib.crc32(draft.key.encode()) % PARTITIONS if draft.partition is None else draft.partition
        offset = 1 + max((one.offset for one in self.on(draft.topic, partition)), default=-1)
        entry = Entry(draft.topic, partition, offset, draft.key, draft.value, draft.headers, at_ms)
        self.topics[draft.topic].append(entry)
        return entry

    def on(self, topic: str, partition: int) -> list[Entry]:
        return [entry for entry in self.topics[topic] if entry.partition == partition]

    def finished(self) -> "Log":
        """With ends where the entries end, and all of it finished."""
        extents: dict[str, dict[int, Extent]] = {}
        for topic in self.topics:
            extents[topic] = {}
            for partition in range(PARTITIONS):
                end = 1 + max((one.offset for one in self.on(topic, partition)), default=-1)
                extents[topic][partition] = Extent(0, end, end)
        return replace(self, extents=extents)

    def changed(self, topic: str, change: Callable[[list[Entry]], list[Entry]]) -> "Log":
        """The same but for what stands on one topic."""
        return replace(self, topics=self.topics | {topic: change(list(self.topics[topic]))})

    def extended(self, topic: str, partition: int, **fields: int) -> "Log":
        """The same but for how far one partition reaches."""
        extent = self.extents[topic][partition]._replace(**fields)
        return replace(self, extents=self.extents | {topic: self.extents[topic] | {partition: extent}})

    def balance(self, *, is_drained: bool = False) -> Balance:
        return audit(self, is_drained=is_drained)


def write(
    told: Sequence[tuple[int, int, list[Any]]], died: Sequence[tuple[int, int, int]] = (), *, ends_all: bool = False
) -> Log:
    """The log of these steps: seconds later, raw partition, body. `ends_all`: time goes on until all is over."""
    log, triages = Log(), [Triage(POLICY) for _ in range(PARTITIONS)]
    now_ms, normalised, triaged = EPOCH_MS, list[list[Draft]](), list[list[Draft]]()

    def triage(entry: Entry) -> None:
        facts = triages[entry.partition].step([decode_alerts(entry.value)])
        triaged.append(facts_drafts(facts, entry.partition, entry.offset))
        for draft in triaged[-1]:
            written = log.append(draft, now_ms)
            if draft.topic == PAGES.name:
                page = decode(Page, written.value)
                revision = page.payload.custom_details.revision
                delivery = Delivery(incident_id=page.dedup_key, revision=revision, delivered_at_ms=now_ms)
                log.append(Draft(DELIVERIES.name, page.dedup_key, encode(delivery)), now_ms)

    def take(drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            entry = log.append(draft, now_ms)
            if entry.topic == ALERTS.name:
                triage(entry)

    for number, (later_s, partition, body) in enumerate(told):
        now_ms += later_s * 1000
        raw = log.append(Draft(RAW.name, "", json.dumps(body).encode(), {"source": "canonical"}, partition), now_ms)
        normalised.append(normalised_drafts([raw], NORMALISER))
        take(normalised[-1])
        for when, raw_again, alerts_again in died:
            if when == number:
                for written in triaged[max(0, len(triaged) - alerts_again) :]:
                    for draft in written:
                        log.append(draft, now_ms)
                for written in normalised[max(0, len(normalised) - raw_again) :]:
                    take(written)
    if ends_all:
        now_ms += 10**9
        take([tick_draft(now_ms, partition) for partition in range(PARTITIONS)])
    return log


@st.composite
def logs(draw: st.DrawFn, min_steps: int = 1) -> Log:
    """A log whose books balance."""
    told = draw(st.lists(steps, min_size=min_steps, max_size=12))
    return write(told, draw(crashes), ends_all=draw(st.booleans())).finished()


def flaws(log: Log) -> dict[Flaw, int]:
    return dict(log.balance().flaws.counts)


def pick(entries: Iterable[Entry], number: int) -> Entry:
    """One of them; gives the example up if there is none."""
    found = list(entries)
    assume(found)
    return found[number % len(found)]


def position(entry: Entry) -> tuple[str, str]:
    return entry.headers["log_partition"], entry.headers["log_offset"]


def without(log: Log, topic: str, is_gone: Callable[[Entry], bool]) -> Log:
    return log.changed(topic, lambda entries: [entry for entry in entries if not is_gone(entry)])


def beside(log: Log, entry: Entry, record: Record | None = None, at: int | None = None) -> Log:
    """`entry` stands once more at the end of its topic, with another content or as come of another position."""
    end = log.extents[entry.topic][entry.partition].end
    headers = entry.headers if at is None else {**entry.headers, "log_offset": str(at)}
    value = entry.value if record is None else encode(record)
    again = entry._replace(offset=end, headers=headers, value=value)
    return log.changed(entry.topic, lambda entries: [*entries, again]).extended(
        entry.topic, entry.partition, end=end + 1, committed=end + 1
    )


def decisions_of(entry: Entry) -> Decisions:
    return decode(Decisions, entry.value)


def page_of(entry: Entry) -> Page:
    return decode(Page, entry.value)


def incident_id_of(entry: Entry) -> str:
    return decode(Incident, entry.value).incident_id
