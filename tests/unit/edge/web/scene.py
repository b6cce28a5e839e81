"""The page over a log in memory: told a story by the real normalise and triage, and asked without a browser."""

import itertools
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from html.parser import HTMLParser
from typing import Any

import httpx

from pipeline.answer import LoggedPast
from pipeline.answer.gather import incident_story
from pipeline.core.policy import Policy
from pipeline.edge.web import FOLLOWED, Beyond, Doors, Explained, Live, create_web
from pipeline.log.entry import Entry
from pipeline.settings import Settings
from schemas import Incident, Silence
from schemas.topics import INCIDENTS, SILENCES
from tests.laws.books import Log
from tests.memory_log import MemoryLog
from tests.unit.answer.recorded import Told, recorded

HERE = "http://127.0.0.1:9095"
POLICY = Policy.model_validate({"group_by": ["cluster"]})
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": HERE, "Sec-Fetch-Site": "same-origin"}
KEY = "inc1:" + "0" * 20
NOW_MS = 1_700_000_100_000
HOUR_MS = 3_600_000


class Site:
    """A page, and what it stands on."""

    def __init__(self, told: Log, settings: Settings, beyond: Beyond | None) -> None:
        self.told, self.log, self.live = told, MemoryLog(), Live()
        for topic in FOLLOWED:
            for entry in told.read(topic) if topic in told.extents else ():
                self.live.take(entry)
        self.live.is_current = True
        self.app = create_web(self.log, self.live, beyond or self.beyond(), Doors(settings), settings)

    def beyond(self, **changed: Any) -> Beyond:
        def story(key: str, most: int, _: int | None) -> Any:
            return incident_story(LoggedPast(self.told), key, most)

        def explain(body: bytes) -> Sequence[Explained]:
            return [("it", [("pages", [body.decode()])])]

        return Beyond(
            story, explain, None, "p1:test", repeats=False, policy_text=None, archived_from=lambda: date(2020, 1, 1)
        )._replace(**changed)


@asynccontextmanager
async def site(
    *told: Told, policy: Policy = POLICY, log: Log | None = None, beyond: Any = None, **settings: Any
) -> AsyncIterator[tuple[Site, httpx.AsyncClient]]:
    """The page of that story, and its client."""
    made = Site(recorded(*told, policy=policy) if log is None else log, Settings(**settings), beyond)
    transport = httpx.ASGITransport(app=made.app, client=("127.0.0.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        yield made, client


def ids(text: str) -> list[str]:
    """The incidents that a list shows, in order."""
    return re.findall(r'name="incident" value="(inc1:[0-9a-f]{20})"', text)


class Markup(HTMLParser):
    """The tags of a page, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def links(self) -> list[str]:
        return [attributes["href"] or "" for _, attributes in self.tags if "href" in attributes]


_revisions = itertools.count(1)


def incident(number: int = 0, revision: int | None = None, **more: Any) -> Incident:
    """An incident with an id made of its number."""
    fields = {
        "incident_id": f"inc1:{number:020x}",
        "revision": next(_revisions) if revision is None else revision,
        "state": "open",
        "scope": "default",
        "group": {},
        "opened_at_ms": 1_700_000_000_000 + number,
        "updated_at_ms": 1_700_000_000_000 + number,
        "severity": "error",
        "summary": f"incident {number}",
        "alerts": 1,
        "firing": 1,
        "events": 1,
        "score": 0.5,
        "members": (),
        "policy_version": "p1:x",
    }
    return Incident.model_validate(fields | more)


def entry(record: Any, offset: int = 0, topic: str = INCIDENTS.name, **headers: str) -> Entry:
    """It as it stands in the log."""
    return Entry(topic, 0, offset, "", record.model_dump_json().encode(), headers, 1_700_000_000_000 + offset)


def silence(
    *matchers: str, id: str = "s1", since_ms: int = NOW_MS - 1, until_ms: int = NOW_MS + HOUR_MS, **more: Any
) -> Entry:
    """A silence as it stands in the log."""
    fields = {"created_by": "ada", "comment": "work on it", "updated_at_ms": since_ms} | more
    one = Silence(id=id, matchers=matchers, starts_at_ms=since_ms, ends_at_ms=until_ms, **fields)
    return entry(one, topic=SILENCES.name)
