"""The books of a plant balance: every event is decided or rejected, every page delivered, and a replay agrees."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby

from pipeline.codec import decode, decode_alerts, encode
from pipeline.core.triage import Triage
from pipeline.errors import Rejected
from pipeline.log import Entry
from pipeline.normalise import normalise
from schemas import Alerts, Decisions, Delivery, Page
from schemas import Rejected as RejectedRecord
from schemas.topics import ALERTS, DECISIONS, DELIVERIES, PAGES, RAW, REJECTED
from tests.integration.plant import Plant
from tests.integration.worker import Record

Place = tuple[int, int]  # partition, offset


def assert_balanced(plant: Plant, *, is_once: bool = True) -> None:
    """Wait until nothing is on its way, and fail with what does not add up.

    `is_once`: nothing has given anybody a reason to write a record twice, as a killed worker may.
    """
    plant.wait_until(lambda: not _open_items(plant, is_once), lambda: _open_items(plant, is_once))


def _open_items(plant: Plant, is_once: bool) -> list[str]:
    return [
        *_undecided(plant, is_once),
        *_not_as_replayed(plant),
        *_undelivered(plant),
    ]


def _undecided(plant: Plant, is_once: bool) -> list[str]:
    """Every raw record holds events, each decided, or stands on the rejected topic with a reason."""
    rejections = [decode(RejectedRecord, record.value) for record in plant.read(REJECTED.name)]
    rejected = {(one.partition, one.offset, one.where) for one in rejections if one.topic == RAW.name and one.reason}
    decided: dict[tuple[int, int, str], set[tuple[str, ...]]] = defaultdict(set)
    times: Counter[tuple[int, int, str]] = Counter()
    for one in _decisions(plant).values():
        place = (one.raw_partition, one.raw_offset, one.scope)
        decided[place].add(tuple(decision.fingerprint for decision in one.decisions))
        times[place] += 1
    problems = [f"decided {count} times: {place}" for place, count in times.items() if is_once and count > 1]
    for record in plant.read(RAW.name):
        events = normalise(_entry(record), plant.policy)
        for alerts in events.records:
            place = (record.partition, record.offset, alerts.scope)
            if decided.pop(place, None) != {tuple(alert.fingerprint for alert in alerts.alerts)}:
                problems.append(f"not decided as it stands: {place}")
        problems += [
            f"neither decided nor rejected: {record.partition, record.offset, one.where}"
            for one in events.rejected
            if (record.partition, record.offset, one.where) not in rejected
        ]
    return problems + [f"decided, but nowhere in the log: {place}" for place in decided]


def _not_as_replayed(plant: Plant) -> list[str]:
    """Decisions and pages are, byte for byte, what a triage that never died makes of the same topic."""
    decisions: set[bytes] = set()
    pages: set[bytes] = set()
    for _, partition in groupby(plant.read(ALERTS.name), key=lambda record: record.partition):
        triage = Triage(plant.policy)
        for record in partition:
            try:
                facts = triage.step([decode_alerts(record.value)])
            except Rejected:
                continue
            decisions |= {encode(one) for one in facts.decisions}
            pages |= {encode(one) for one in facts.pages}
    written = {record.value for record in plant.read(DECISIONS.name)}
    paged = {record.value for record in plant.read(PAGES.name)}
    return [
        *(f"decided otherwise than a replay: {value.decode()}" for value in decisions ^ written),
        *(f"paged otherwise than a replay: {value.decode()}" for value in pages ^ paged),
    ]


def _undelivered(plant: Plant) -> list[str]:
    """Every page was delivered, and PagerDuty opened and closed each incident as often as its pages say."""
    pages: dict[str, dict[int, str]] = defaultdict(dict)
    for page in (decode(Page, record.value) for record in plant.read(PAGES.name)):
        pages[page.dedup_key][page.payload.custom_details.revision] = page.event_action
    delivered = {one.incident_id: one.revision for one in _deliveries(plant)}
    problems = []
    for key, actions in pages.items():
        in_order = [actions[revision] for revision in sorted(actions)]
        if delivered.get(key) != max(actions):
            problems.append(f"not delivered: {key}")
        if plant.pagerduty.opened(key) != openings(in_order):
            problems.append(f"opened {plant.pagerduty.opened(key)} times for {in_order}: {key}")
        if plant.pagerduty.is_open(key) != (in_order[-1] == "trigger"):
            problems.append(f"not as its last page says: {key}")
    strangers = {incident.dedup_key for incident in plant.pagerduty.incidents()} - pages.keys()
    return problems + [f"opened without a page: {key}" for key in strangers]


def openings(actions: Sequence[str]) -> int:
    """How often a person is called: at each trigger that nothing open takes in."""
    return sum(
        action == "trigger" and before != "trigger"
        for before, action in zip(("resolve", *actions), actions, strict=False)
    )


def _decisions(plant: Plant) -> dict[Place, Decisions]:
    """What was decided at each place of `alerts`; a repetition must repeat."""
    found: dict[Place, bytes] = {}
    for record in plant.read(DECISIONS.name):
        place = (int(record.headers["log_partition"]), int(record.headers["log_offset"]))
        assert found.setdefault(place, record.value) == record.value, f"{place} was decided in two ways"
    alerts = {(record.partition, record.offset) for record in plant.read(ALERTS.name) if _is_alerts(record)}
    assert found.keys() <= alerts, "decided, but not on `alerts`"
    return {place: decode(Decisions, value) for place, value in found.items()}


def _is_alerts(record: Record) -> bool:
    try:
        return isinstance(decode_alerts(record.value), Alerts)
    except Rejected:
        return False


def _deliveries(plant: Plant) -> list[Delivery]:
    """In the order in which they were written; the last of an incident counts."""
    return [decode(Delivery, record.value) for record in plant.read(DELIVERIES.name)]


def _entry(record: Record) -> Entry:
    key = (record.key or b"").decode(errors="replace")
    return Entry(
        RAW.name, record.partition, record.offset, key, record.value or b"", record.headers, record.timestamp_ms
    )
