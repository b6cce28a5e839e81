"""What the page costs with 10,000 incidents: a request of each kind, and what its copy of the log takes to keep.

`python -m benchmarks.page` asks the app itself, without a network, and counts CPU: other programs do not.
"""

import asyncio
import statistics
import time
import tracemalloc
from collections.abc import Iterator, Sequence

import httpx

from benchmarks.machine import Watch
from pipeline.codec import encode
from pipeline.command.collection import collect_rarely
from pipeline.edge.web import Beyond, Doors, Live, create_web
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.entry import Entry
from pipeline.settings import Settings
from schemas import Decision, Decisions, Incident, Reason
from schemas.record import Record
from schemas.topics import DECISIONS, INCIDENTS

INCIDENTS_OPEN = 10_000
MEMBERS = 5
DECISIONS_EACH = 20
RUNS = 30
EPOCH_MS = 1_763_000_000_000
HERE = "http://127.0.0.1"
ASKED = {
    "the first page": "/ui/",
    "page 150": "/ui/?page=150",
    "a search that finds 11": "/ui/?q=host-123",
    "a search that finds none": "/ui/?q=nowhere",
    "what nobody has judged": "/ui/?judged=no",
}


def main() -> None:
    """Fill a copy, and ask."""
    watch = Watch()
    collect_rarely()  # as the commands do
    entries, decided = list(_incidents()), list(_decisions())
    live = Live()
    took_s = _timed(live, entries)
    print(f"to take an incident: {took_s / len(entries) * 1e6:.0f} µs ({len(entries):,} of {MEMBERS} alerts)")
    took_s = _timed(live, decided)
    print(f"to take a decision: {took_s / len(decided) / DECISIONS_EACH * 1e6:.2f} µs ({DECISIONS_EACH} in a record)")
    tracemalloc.start()
    again = Live()
    for one in entries:
        again.take(one)
    print(f"memory: {tracemalloc.get_traced_memory()[0] / len(entries) / 1000:.1f} kB an incident")
    tracemalloc.stop()
    live.is_current = True
    asyncio.run(_ask(live))
    print(watch.machine().sentence())


async def _ask(live: Live) -> None:
    app = create_web(_Nowhere(), live, _beyond(), Doors(Settings()), Settings())  # type: ignore[arg-type]  # nothing is marked here
    changed = next(_incidents())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE) as client:
        for name, path in ASKED.items():
            took_ms = []
            for _ in range(RUNS):
                began_s = time.process_time()
                answer = await client.get(path)
                took_ms.append((time.process_time() - began_s) * 1000)
            rows = answer.text.count('name="incident"')
            print(f"{name}: {_said(took_ms)}, {len(answer.text) / 1000:.0f} kB, {rows} incidents")
        took_ms = []
        for _ in range(RUNS):
            live.take(changed)  # so that the list is sorted again
            began_s = time.process_time()
            await client.get("/ui/")
            took_ms.append((time.process_time() - began_s) * 1000)
        print(f"the first page when something has changed: {_said(took_ms)}")


def _said(took_ms: list[float]) -> str:
    return f"{statistics.median(took_ms):.1f} ms in the median, {max(took_ms):.1f} at most of {len(took_ms)}"


def _timed(live: Live, entries: Sequence[Entry]) -> float:
    began_s = time.process_time()
    for one in entries:
        live.take(one)
    return time.process_time() - began_s


class _Nowhere:
    """A log that is never written to."""

    append = check = close = partitions = EmbeddedLog.check


def _beyond() -> Beyond:
    return Beyond(
        lambda *_: None, lambda _: [], None, "p1:x", repeats=False, policy_text=None, archived_from=lambda: None
    )


def _incidents() -> Iterator[Entry]:
    for number in range(INCIDENTS_OPEN):
        members = [
            {
                "fingerprint": f"fp1:{number * MEMBERS + index:016x}",
                "name": f"Rule{(number + index) % 200}",
                "template": f"rule {number % 200}",
                "labels": {"alertname": f"Rule{number % 200}", "host": f"host-{number}", "cluster": f"eu-{number % 7}"},
                "severity": ("critical", "error", "warning")[number % 3],
                "status": "firing",
                "starts_at_ms": EPOCH_MS + number,
                "first_at_ms": EPOCH_MS + number,
                "summary": "something is wrong with it, and this says what that is",
                "url": "https://prometheus.example.com/graph?g0.expr=up",
            }
            for index in range(MEMBERS)
        ]
        fields = {
            "incident_id": f"inc1:{number:020x}", "revision": 1, "state": "open", "scope": "default",
            "group": {"cluster": f"eu-{number % 7}"}, "opened_at_ms": EPOCH_MS + number,
            "updated_at_ms": EPOCH_MS + number, "severity": members[0]["severity"], "is_paged": number % 4 != 0,
            "quiet": None if number % 4 else "suppressed", "score": number % 1000 / 1000, "team": f"team-{number % 12}",
            "summary": f"Rule{number % 200} on host-{number} and 4 more alerts in cluster eu-{number % 7}",
            "alerts": MEMBERS, "firing": MEMBERS, "events": 40, "members": members, "policy_version": "p1:0",
        }  # fmt: skip
        yield _entry(INCIDENTS.name, number, Incident.model_validate(fields))


def _decisions() -> Iterator[Entry]:
    for number in range(INCIDENTS_OPEN // DECISIONS_EACH):
        several = [
            Decision(
                fingerprint=f"fp1:{index:016x}", incident_id=f"inc1:{number * DECISIONS_EACH + index:020x}",
                reason=Reason.DUPLICATE, score=0.5, paged=False, at_ms=EPOCH_MS, next_at_ms=EPOCH_MS + 86_400_000,
                policy_version="p1:0", fingerprint_version="fp1",
            )
            for index in range(DECISIONS_EACH)
        ]  # fmt: skip
        record = Decisions(scope="default", raw_partition=0, raw_offset=number, decisions=tuple(several))
        yield _entry(DECISIONS.name, number, record)


def _entry(topic: str, offset: int, record: Record) -> Entry:
    return Entry(topic, 0, offset, "", encode(record), {"log_partition": "0", "log_offset": str(offset)}, EPOCH_MS)


if __name__ == "__main__":
    main()
