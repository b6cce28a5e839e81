"""Books that balance are found to, and each damage is named for what it is, and for nothing else."""

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipeline.audit import Flaw
from pipeline.codec import decode, decode_alerts, encode
from pipeline.log import Entry
from schemas import Alerts, Incident, IncidentState, PageKind, Rejected
from schemas.topics import ALERTS, DECISIONS, DELIVERIES, INCIDENTS, PAGES, RAW, REJECTED
from tests.laws.books import (
    PARTITIONS,
    Log,
    beside,
    decisions_of,
    flaws,
    incident_id_of,
    logs,
    page_of,
    pick,
    position,
    without,
    write,
)

picks = st.integers(0, 1000)
BEYOND = 5000  # an offset where nothing stands


def is_behind(entry: Entry, partition: str, offset: int) -> bool:
    """Whether it came of a record of that partition of `alerts`, from that offset on."""
    return position(entry)[0] == partition and int(position(entry)[1]) >= offset


@given(logs())
def test_what_normalise_and_triage_write_balances_also_when_they_died_and_wrote_it_twice(log: Log) -> None:
    balance = log.balance(is_drained=True)
    assert balance.flaws.counts == {}
    assert balance.is_even
    assert balance.sent == balance.rejected + balance.decided > 0
    assert (balance.on_the_way, balance.forgotten, balance.earlier) == (0, 0, 0)
    last = {incident_id_of(one): decode(Incident, one.value) for one in log.read(INCIDENTS.name)}
    states = [one.state for one in last.values()]
    assert balance.incidents_resolved == states.count(IncidentState.RESOLVED)
    assert balance.incidents_open == len(states) - balance.incidents_resolved
    kinds = {
        (page.dedup_key, page.payload.custom_details.revision): page.payload.custom_details.kind
        for page in map(page_of, log.read(PAGES.name))
    }
    assert balance.pages_triggered == list(kinds.values()).count(PageKind.TRIGGER)
    assert balance.pages_resolved == list(kinds.values()).count(PageKind.RESOLVE)
    assert balance.pages_triggered + balance.pages_updated + balance.pages_resolved == len(kinds)


def test_outputs_that_were_written_again_are_counted_apart() -> None:
    fire = {"name": "disk", "labels": {"env": "prod"}}
    log = write([(0, 0, [fire]), (1, 0, ["no event"])], [(1, 2, 1)], ends_all=True).finished()
    balance = log.balance()
    # The worker's last record of `alerts` led to a decision, an incident and a page; two raw records to a rejection.
    assert (balance.sent, balance.decided, balance.rejected, balance.repeated) == (2, 1, 1, 4)
    assert balance.is_even


@given(logs(), picks)
def test_a_decision_that_is_missing_is_so_many_events_lost(log: Log, number: int) -> None:
    gone = pick(log.read(DECISIONS.name), number)
    damaged = without(log, DECISIONS.name, lambda one: position(one) == position(gone))
    record = decisions_of(gone)
    assert flaws(damaged) == {Flaw.LOST: len(record.decisions)}
    [offender] = damaged.balance().flaws.named[Flaw.LOST]
    assert offender.place == (RAW.name, record.raw_partition, record.raw_offset)


@given(logs(), picks)
def test_a_rejection_that_is_missing_is_so_many_events_lost(log: Log, number: int) -> None:
    gone = decode(Rejected, pick(log.read(REJECTED.name), number).value)
    damaged = without(log, REJECTED.name, lambda one: decode(Rejected, one.value) == gone)
    assert flaws(damaged) == {Flaw.LOST: gone.items}


@given(logs(), picks)
def test_what_is_decided_at_two_positions_is_doubled(log: Log, number: int) -> None:
    once = pick(log.read(DECISIONS.name), number)
    record = decisions_of(once)
    alerts = next(
        one for one in log.on(ALERTS.name, int(once.headers["log_partition"])) if one.offset == int(position(once)[1])
    )
    end = log.extents[ALERTS.name][alerts.partition].end
    damaged = beside(beside(log, alerts), once, at=end)
    assert flaws(damaged) == {Flaw.DOUBLED: len(record.decisions)}
    assert damaged.balance().flaws.named[Flaw.DOUBLED][0].place.topic == DECISIONS.name


@given(logs(), picks)
def test_what_is_decided_in_two_ways_is_doubled(log: Log, number: int) -> None:
    once = pick(log.read(DECISIONS.name), number)
    record = decisions_of(once)
    first, *rest = record.decisions
    otherwise = record.model_copy(update={"decisions": (first.model_copy(update={"at_ms": 1}), *rest)})
    assert flaws(beside(log, once, otherwise)) == {Flaw.DOUBLED: len(record.decisions)}


@given(logs(min_steps=3), picks)
@settings(suppress_health_check=[HealthCheck.filter_too_much])
def test_one_doubled_does_not_hide_one_lost_of_the_same_body(log: Log, number: int) -> None:
    by_raw: dict[tuple[int, int], list[Entry]] = {}
    for one in log.read(DECISIONS.name):
        record = decisions_of(one)
        if len(record.decisions) == 1:
            several = by_raw.setdefault((record.raw_partition, record.raw_offset), [])
            if position(one) not in map(position, several):
                several.append(one)
    pairs = [several for several in by_raw.values() if len(several) > 1]
    assume(pairs)
    kept, gone, *_ = pairs[number % len(pairs)]
    partition = int(kept.headers["log_partition"])
    alerts = next(one for one in log.on(ALERTS.name, partition) if one.offset == int(position(kept)[1]))
    end = log.extents[ALERTS.name][partition].end
    damaged = beside(beside(log, alerts), kept, at=end)
    damaged = without(damaged, DECISIONS.name, lambda one: position(one) == position(gone))
    assert flaws(damaged) == {Flaw.DOUBLED: 1, Flaw.LOST: 1}


@given(logs(), picks)
def test_decisions_about_other_alerts_than_stand_there_are_named(log: Log, number: int) -> None:
    decided = {position(one) for one in log.read(DECISIONS.name)}
    hit = pick((one for one in log.read(ALERTS.name) if (str(one.partition), str(one.offset)) in decided), number)
    record = decode_alerts(hit.value)
    assert isinstance(record, Alerts)
    first, *rest = record.alerts
    other = record.model_copy(update={"alerts": (first.model_copy(update={"fingerprint": "fp1:other"}), *rest)})
    damaged = log.changed(
        ALERTS.name, lambda entries: [one._replace(value=encode(other)) if one == hit else one for one in entries]
    )
    assert flaws(damaged) == {Flaw.ALTERED: 1}


@given(logs(), picks)
def test_what_is_decided_but_stands_nowhere_is_named(log: Log, number: int) -> None:
    hit = pick(log.read(DECISIONS.name), number)
    partition, offset = (int(part) for part in position(hit))
    damaged = without(log, ALERTS.name, lambda one: (one.partition, one.offset) == (partition, offset))
    assert flaws(damaged) == {Flaw.STRANGER: 1}
    raw = pick(log.read(RAW.name), number)
    damaged = without(log, RAW.name, lambda one: one == raw)
    assert set(flaws(damaged)) == {Flaw.STRANGER}
    assert {one.place for one in damaged.balance().flaws.named[Flaw.STRANGER]} == {raw[:3]}


@given(logs(), picks, st.sampled_from([DECISIONS, INCIDENTS, PAGES, REJECTED, DELIVERIES]))
def test_a_record_that_cannot_be_read_is_named(log: Log, number: int, topic: object) -> None:
    name = getattr(topic, "name", "")
    hit = pick(log.read(name), number)._replace(offset=BEYOND, value=b"{}")
    damaged = log.changed(name, lambda entries: [*entries, hit])
    assert flaws(damaged) == {Flaw.UNREADABLE: 1}
    assert damaged.balance().flaws.named[Flaw.UNREADABLE][0].place == (name, hit.partition, BEYOND)


@given(logs(), st.data())
def test_what_the_worker_has_not_finished_is_on_the_way_and_not_lost(log: Log, data: st.DataObject) -> None:
    """It has come up to some place of each partition, and of what stands behind only some is written."""
    for topic in (RAW.name, ALERTS.name):
        for partition in range(PARTITIONS):
            end = log.extents[topic][partition].end
            log = log.extended(topic, partition, committed=data.draw(st.integers(0, end)))
    decided = {position(one): len(decisions_of(one).decisions) for one in log.read(DECISIONS.name)}
    for topic in (DECISIONS.name, INCIDENTS.name, PAGES.name):
        for partition in range(PARTITIONS):
            extent = log.extents[ALERTS.name][partition]
            written = str(partition), data.draw(st.integers(extent.committed or 0, extent.end))
            log = without(log, topic, lambda one, to=written: is_behind(one, *to))  # type: ignore[misc]  # a default
    left = {position(one) for one in log.read(DECISIONS.name)}
    undecided = sum(events for at, events in decided.items() if at not in left)
    balance = log.balance()
    assert balance.flaws.counts == {}
    assert balance.on_the_way == undecided
    assert balance.sent == balance.rejected + balance.decided + balance.on_the_way
    assert (balance.oldest_on_the_way_ms is not None) == (undecided > 0)
    drained = log.balance(is_drained=True)
    assert drained.flaws.counts[Flaw.NOT_DRAINED] >= undecided
    assert drained.is_even == (drained.flaws.counts[Flaw.NOT_DRAINED] == 0)


@given(logs(), st.integers(0, 12), st.integers(0, 12))
def test_what_retention_has_removed_is_said_and_is_no_flaw(log: Log, input_cut: int, output_cut: int) -> None:
    """Topics of the input have lost what is older than one time, those of outputs what is older than another."""
    times = sorted({one.timestamp_ms for one in log.read(RAW.name)})
    oldest_in = times[min(input_cut, len(times) - 1)]
    # Outputs are kept longer than what they came of.
    oldest_out = min(oldest_in, times[min(output_cut, len(times) - 1)])
    is_cut = False
    for topic in log.topics:
        oldest_ms = oldest_in if topic in {RAW.name, ALERTS.name} else oldest_out
        gone = [one for one in log.read(topic) if one.timestamp_ms < oldest_ms]
        is_cut = is_cut or bool(gone)
        log = without(log, topic, gone.__contains__)
        for one in gone:
            log = log.extended(topic, one.partition, first=max(one.offset + 1, log.extents[topic][one.partition].first))
    balance = log.balance()
    assert balance.flaws.counts == {}
    assert bool(balance.cut) == is_cut


@given(logs(), picks)
def test_records_that_retention_removed_before_they_were_read_are_named(log: Log, number: int) -> None:
    partition = number % PARTITIONS
    end = log.extents[RAW.name][partition].end
    assume(end)
    log = log.extended(RAW.name, partition, first=end + 3, end=end + 3, committed=end)
    log = without(log, RAW.name, lambda one: one.partition == partition)
    assert flaws(log) == {Flaw.UNREAD: 3}
