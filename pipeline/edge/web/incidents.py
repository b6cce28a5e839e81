"""The list of incidents, and one incident: its state, its score, what comes next, and its timeline."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import Response

from pipeline.answer import IncidentStory
from pipeline.core.actionability.words import said as terms_said
from pipeline.edge.web.beyond import Beyond
from pipeline.edge.web.live import Live
from pipeline.edge.web.query import AT_ONCE, Show, Wanted, find
from pipeline.edge.web.render import Pages
from pipeline.edge.web.row import Next, Row, next_of, why_of
from pipeline.edge.web.timeline import timeline
from pipeline.errors import Missing, Misuse, Retryable
from pipeline.sources.outcomes import is_incident_id
from schemas import Outcome, Severity, Verdict

MOST_LINES, MOST_LINES_OF_ALL = 100, 5000
MOST_OF_KIND = 10
WAIT_S = 20.0
# A record of a decision stands in the log a little after what it is about; a clock may be set back meanwhile.
MARGIN_MS = 3_600_000
NAME_COOKIE = "pagesieve_name"

logger = structlog.get_logger("pagesieve.web")


class Shown:
    """A row with all that its line says."""

    def __init__(self, row: Row, live: Live, now_ms: int, *, repeats: bool) -> None:
        key = row.line.incident_id
        step, told = live.latest.step(key), live.latest.told(key)
        self.row, self.line, self.place = row, row.line, row.place
        self.mark: Outcome | None = live.mark_of(row)
        self.silenced = live.silences.over(row, now_ms)
        self.next: Next | None = next_of(row, step, now_ms, repeats=repeats)
        self.is_hushed = False  # whether all of what was paged is silenced by now
        if self.silenced is not None and self.silenced.is_all and row.line.is_paged:
            self.is_hushed, self.next = True, self.silenced.next
        self.reason, self.because = why_of(row, step, told)
        self.told_at_ms = told.at_ms if told is not None else None


class Incidents:
    """The handlers."""

    def __init__(self, live: Live, pages: Pages, beyond: Beyond) -> None:
        self._live, self._pages, self._beyond = live, pages, beyond
        # One at a time: it reads the log, and threads share one interpreter. Who waits too long gives up his turn.
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pagesieve-web-story")

    async def listing(self, request: Request) -> Response:
        """The list."""
        now_ms, wanted = _now_ms(), Wanted.of(request.query_params)
        found = find(self._live, wanted)
        return self._pages.page(
            request,
            "incidents",
            live=self._live,
            now_ms=now_ms,
            wanted=wanted,
            found=found,
            first=(found.page - 1) * AT_ONCE + 1,
            shown=[self._shown(row, now_ms) for row in found.rows],
            shows=list(Show),
            severities=list(Severity),
            flash=_flash(request),
            name=request.cookies.get(NAME_COOKIE, ""),
        )

    async def incident(self, request: Request) -> Response:
        """One incident."""
        key, now_ms = request.path_params["incident_id"], _now_ms()
        row = self._live.find(key) if is_incident_id(key) else None
        if not is_incident_id(key):
            return self._absent(request, key)
        is_all = request.query_params.get("all") == "1"
        story, trouble = await self._story(key, row, MOST_LINES_OF_ALL if is_all else MOST_LINES)
        if row is None and story is None and not trouble:
            return self._absent(request, key)
        kin = self._live.of_kind(row) if row is not None else []
        outcomes = self._outcomes(key, story)
        return self._pages.page(
            request,
            "incident",
            incident_id=key,
            now_ms=now_ms,
            shown=self._shown(row, now_ms) if row is not None else None,
            story=story,
            trouble=trouble,
            record=story.record if story is not None else None,
            moments=timeline(story, outcomes) if story is not None else [],
            terms=list(_terms(story)),
            outcomes=outcomes,
            kin=[self._shown(one, now_ms) for one in kin[:MOST_OF_KIND]],
            kin_total=len(kin),
            judged=self._judged(row, kin),
            is_all=is_all,
            flash=_flash(request),
            name=request.cookies.get(NAME_COOKIE, ""),
        )

    def _shown(self, row: Row, now_ms: int) -> Shown:
        return Shown(row, self._live, now_ms, repeats=self._beyond.repeats)

    async def _story(self, key: str, row: Row | None, most: int) -> tuple[IncidentStory | None, str]:
        """Its story, and why there is none if that is for something that may pass."""
        since_ms = row.line.opened_at_ms - MARGIN_MS if row is not None else None
        try:
            async with asyncio.timeout(WAIT_S):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._reading, self._beyond.story, key, most, since_ms), ""
        except TimeoutError:
            return None, "reading the log takes too long; try again, or ask `pagesieve explain`"
        except (Misuse, Missing, Retryable) as exc:
            logger.warning("no timeline", incident=key, why=str(exc))
            return None, "the log cannot be read now; try again"

    def _outcomes(self, key: str, story: IncidentStory | None) -> list[Outcome]:
        """What was said of it: all that is remembered, and what its record has."""
        found = {one.id: one for one in self._live.said.of(key)}
        if story is not None and story.record is not None:
            for one in (story.record.outcome, story.record.mark):
                if one is not None:
                    found.setdefault(one.id, one)
        return sorted(found.values(), key=lambda one: one.at_ms)

    def _judged(self, row: Row | None, kin: list[Row]) -> tuple[int, int]:
        """How many of its kind, itself included, needed somebody; and how many were judged."""
        marks = [self._live.mark_of(one) for one in ([row, *kin] if row is not None else [])]
        verdicts = [one.verdict for one in marks if one is not None]
        return sum(one.is_needed is True for one in verdicts), len(verdicts)

    def _absent(self, request: Request, key: str) -> Response:
        return self._pages.page(
            request, "message", HTTPStatus.NOT_FOUND, title="No such incident", text=f"{key[:40]} is not known here."
        )


def _terms(story: IncidentStory | None) -> Iterator[str]:
    if story is not None and story.record is not None and story.record.scored is not None:
        yield from terms_said(story.record.scored, most=8)


def _flash(request: Request) -> tuple[int, str] | None:
    """How many were marked just now, and as what."""
    count, verdict = request.query_params.get("marked", ""), request.query_params.get("as", "")
    if not count.isdecimal() or len(count) > 4 or verdict not in set(Verdict):
        return None
    return int(count), verdict.replace("_", " ")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
