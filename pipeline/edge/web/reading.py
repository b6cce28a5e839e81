"""The weekly report and the policy: what other rooms say, served under the page's own rules."""

import asyncio
import base64
import hashlib
import re
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pipeline.edge.web.beyond import Beyond
from pipeline.edge.web.form import Forms
from pipeline.edge.web.pasted import event_of
from pipeline.edge.web.render import Pages
from pipeline.errors import Missing, Misuse, Rejected, Retryable
from pipeline.settings import Settings

WEEKS = 12  # that are offered
FRESH_S = 300.0  # so long a report is given again instead of made
MOST_KEPT = 4
WAIT_S = 60.0
_WEEK = re.compile(r"[0-9]{4}-W[0-9]{2}")
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
# Only as the report's own template writes ids: a `<` in what comes from outside is escaped, wherever it stands.
_ID = re.compile(rb"<code>(pagesieve mark )?(inc[0-9]+:[0-9a-f]{20})([^<]*)</code>")
_LINKED = rb'<code>\1<a href="/ui/incidents/\2">\2</a>\3</code>'
_BACK = b'<body>\n<p class="soft"><a href="/ui/report">Pagesieve: all reports</a></p>'

logger = structlog.get_logger("pagesieve.web")


class Reading:
    """The handlers."""

    def __init__(self, pages: Pages, beyond: Beyond, settings: Settings) -> None:
        self._pages, self._beyond = pages, beyond
        self._forms = Forms(settings)
        self._made: dict[str, tuple[float, bytes]] = {}  # week → when, and the report
        self._one_report, self._one_policy = asyncio.Lock(), asyncio.Lock()

    async def reports(self, request: Request) -> Response:
        """Which reports there are."""
        now = datetime.fromtimestamp(time.time(), UTC)
        first = await asyncio.to_thread(self._beyond.archived_from)
        days = [now - timedelta(days=7 * number) for number in range(WEEKS + 1)]
        weeks = [
            _week(day) for day in days if first is not None and day.date().isocalendar() >= first.isocalendar()[:2]
        ]
        return self._pages.page(request, "reports", weeks=weeks, has_archive=self._beyond.report is not None)

    async def report(self, request: Request) -> Response:
        """One report; it is a file of its own, and may be kept as it is."""
        week = request.path_params["week"]
        if self._beyond.report is None or not _WEEK.fullmatch(week):
            return self._no_report(request, HTTPStatus.NOT_FOUND, "There is no archive, or no such week.")
        try:
            async with asyncio.timeout(WAIT_S), self._one_report:
                made = await self._fresh(week)
        except TimeoutError:
            return self._no_report(request, HTTPStatus.SERVICE_UNAVAILABLE, "Making it takes too long; try again.")
        except (Misuse, Missing, Retryable) as exc:
            logger.warning("no report", week=week, why=str(exc))
            return self._no_report(request, HTTPStatus.NOT_FOUND, f"It cannot be made: {exc}")
        linked = _ID.sub(_LINKED, made.replace(b"<body>", _BACK, 1))
        return HTMLResponse(linked, headers={"Content-Security-Policy": _policy_of(made)})

    async def policy(self, request: Request) -> Response:
        """The policy, and the form to ask it with."""
        return self._policy(request, "", [], "")

    async def explain(self, request: Request) -> Response:
        """What the policy makes of what was pasted."""
        form = await self._forms.read(request)
        text = form.one("alert")
        try:
            async with self._one_policy:
                explained = await asyncio.to_thread(lambda: self._beyond.explain(event_of(text)))
        except (Rejected, Misuse) as exc:
            return self._policy(request, text, [], str(exc), HTTPStatus.BAD_REQUEST)
        return self._policy(request, text, explained, "")

    def _policy(
        self, request: Request, text: str, explained: object, trouble: str, status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        about = {"policy_name": self._beyond.policy_name, "policy_text": self._beyond.policy_text}
        return self._pages.page(request, "policy", status, text=text, explained=explained, trouble=trouble, **about)

    async def _fresh(self, week: str) -> bytes:
        assert self._beyond.report is not None  # noqa: S101 - asked before
        now_s = time.monotonic()
        at_s, made = self._made.get(week, (0.0, b""))
        if not made or now_s - at_s > FRESH_S:
            made = await self._beyond.report(week)
            self._made.pop(week, None)
            self._made[week] = (now_s, made)
            if len(self._made) > MOST_KEPT:
                del self._made[next(iter(self._made))]
        return made

    def _no_report(self, request: Request, status: HTTPStatus, text: str) -> Response:
        return self._pages.page(request, "message", status, title="No report", text=text)


def _week(at: datetime) -> tuple[str, str]:
    """The week of a day, and from when to when it is."""
    year, number, weekday = at.isocalendar()
    monday = at - timedelta(days=weekday - 1)
    return f"{year}-W{number:02d}", f"{monday:%d %b} to {monday + timedelta(days=6):%d %b}"


def _policy_of(report: bytes) -> str:
    """Its own style, named by its hash, and nothing else from anywhere."""
    hashes = [base64.b64encode(hashlib.sha256(style).digest()).decode() for style in _STYLE.findall(report)]
    # Its heat map says how dark a cell is in the cell itself; that is all that `style-src-attr` lets through.
    styles = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; style-src-elem {styles}; style-src-attr 'unsafe-inline'; img-src data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
