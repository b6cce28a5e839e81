"""A mark from the page goes the way of every outcome: the same reader, the same writer, all of a form or none of it."""

import time
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipeline.edge.gateway.outcomes import record
from pipeline.edge.gateway.problem import Refusal
from pipeline.edge.web.doors import Doors, Who
from pipeline.edge.web.form import Form, Forms, local
from pipeline.edge.web.guard import ROOT
from pipeline.edge.web.incidents import NAME_COOKIE
from pipeline.edge.web.live import Live
from pipeline.edge.web.render import MARKS, Pages
from pipeline.edge.web.session import LONGEST_NAME, readable_name
from pipeline.errors import Rejected
from pipeline.log.entry import Broadcaster
from pipeline.settings import Settings
from pipeline.sources.outcomes import MOST_TOGETHER, read_outcomes
from schemas import Outcome

VIA = "web"


class Marking:
    """The handler."""

    def __init__(self, log: Broadcaster, live: Live, pages: Pages, doors: Doors, settings: Settings) -> None:
        self._log, self._live, self._pages, self._doors = log, live, pages, doors
        self._forms = Forms(settings)
        self._timeout_s = settings.append_timeout_s

    async def mark(self, request: Request) -> Response:
        """Mark what was chosen, and go back to where it was."""
        form = await self._forms.read(request)
        who: Who = request.state.who
        now_ms = time.time_ns() // 1_000_000
        try:
            name = who.name or _named(form.one("by"))
            outcomes = _read(form, name, now_ms)
            await record(self._log, outcomes, now_ms, self._timeout_s)
        except Rejected as exc:
            return self._message(request, HTTPStatus.BAD_REQUEST, str(exc))
        except Refusal as exc:
            text = "The log does not answer, so it may not be marked: go back and do it again."
            return self._message(request, HTTPStatus(exc.kind.status), text)
        for outcome in outcomes:
            self._live.said.hear(outcome)  # so that who marked sees it at once, not when the log has come round
        answer = RedirectResponse(_back(form, outcomes), HTTPStatus.SEE_OTHER)
        if not who.name:
            is_secure = self._doors.is_secure(request.scope)
            answer.set_cookie(
                NAME_COOKIE, name, path=ROOT, max_age=365 * 86_400, httponly=True, samesite="strict", secure=is_secure
            )
        return answer

    def _message(self, request: Request, status: HTTPStatus, text: str) -> Response:
        return self._pages.page(request, "message", status, title="Nothing was marked", text=text)


def _named(said: str) -> str:
    name = readable_name(said)
    if name is None:
        raise Rejected(f"say who you are, in at most {LONGEST_NAME} characters")
    if not name.isascii():  # it is kept in a cookie
        raise Rejected("write your name in ASCII letters")
    return name


def _read(form: Form, name: str, now_ms: int) -> list[Outcome]:
    keys, verdict = form.all("incident"), form.one("verdict")
    if not keys:
        raise Rejected("choose at least one incident")
    if verdict not in set(MARKS):
        raise Rejected("choose what it was")
    if len(keys) > MOST_TOGETHER:
        raise Rejected(f"mark at most {MOST_TOGETHER} at once")
    note = form.one("note").strip()
    said = [{"incident_id": key, "verdict": verdict, "by": name, "note": note} for key in keys]
    return read_outcomes(orjson.dumps(said), now_ms, VIA)


def _back(form: Form, outcomes: list[Outcome]) -> str:
    """Where it came from, with word of what was done."""
    parts = urlsplit(local(form.one("back"), f"{ROOT}/"))
    query = [(key, value) for key, value in parse_qsl(parts.query) if key not in {"marked", "as"}]
    query += [("marked", str(len(outcomes))), ("as", outcomes[0].verdict.value)]
    return f"{parts.path}?{urlencode(query)}"
