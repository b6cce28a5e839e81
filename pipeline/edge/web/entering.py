"""Logging in and out, and how light the page is: what a person says about themselves and not about incidents."""

import time
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipeline.edge.web import session
from pipeline.edge.web.attempts import Attempts
from pipeline.edge.web.doors import Doors
from pipeline.edge.web.form import Forms, local
from pipeline.edge.web.guard import ROOT
from pipeline.edge.web.render import THEME_COOKIE, THEMES, Pages
from pipeline.settings import Settings

logger = structlog.get_logger("pagesieve.web")
_HOME = f"{ROOT}/"


class Entering:
    """The handlers."""

    def __init__(self, doors: Doors, pages: Pages, settings: Settings) -> None:
        self._doors, self._pages = doors, pages
        self._forms = Forms(settings)
        self._attempts = Attempts()

    async def ask(self, request: Request) -> Response:
        """The form to log in with."""
        wanted = local(request.query_params.get("next", ""), _HOME)
        if request.state.who is not None:
            return RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
        return self._form(request, wanted, "", HTTPStatus.OK)

    async def enter(self, request: Request) -> Response:
        """Log in with a token."""
        address = self._doors.address_of(request.scope, request.headers)
        wait_s = self._attempts.wait_s(address, time.monotonic())
        if wait_s:
            answer = self._form(
                request, _HOME, f"Too many wrong tokens: try again in {wait_s} s.", HTTPStatus.TOO_MANY_REQUESTS
            )
            answer.headers["Retry-After"] = str(wait_s)
            return answer
        form = await self._forms.read(request)
        wanted = local(form.one("next"), _HOME)
        name = session.readable_name(form.one("name"))
        if name is None:
            return self._form(request, wanted, "Say who you are.", HTTPStatus.BAD_REQUEST)
        key = self._doors.tokens.key_of(form.one("token").strip().encode())
        if key is None:
            self._attempts.note_wrong(address, time.monotonic())
            logger.warning("refused", why="a wrong token", client=address)
            return self._form(request, wanted, "That is none of the tokens.", HTTPStatus.FORBIDDEN)
        logger.info("logged in", name=name, client=address)
        answer = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            session.COOKIE,
            session.begin(key, name, int(time.time())),
            max_age=session.LASTS_S,
            path=ROOT,
            httponly=True,
            samesite="strict",
            secure=self._doors.is_secure(request.scope),
        )
        return answer

    async def leave(self, request: Request) -> Response:
        """Log out."""
        answer = RedirectResponse(f"{ROOT}/login", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(session.COOKIE, path=ROOT, httponly=True, samesite="strict")
        return answer

    async def theme(self, request: Request) -> Response:
        """Light, dark, or as the screen is."""
        form = await self._forms.read(request)
        answer = RedirectResponse(local(form.one("back"), _HOME), HTTPStatus.SEE_OTHER)
        if (theme := form.one("theme")) in THEMES:
            answer.set_cookie(
                THEME_COOKIE, theme, max_age=365 * 86_400, path=ROOT, httponly=True, samesite="strict",
                secure=self._doors.is_secure(request.scope),
            )  # fmt: skip
        else:
            answer.delete_cookie(THEME_COOKIE, path=ROOT, httponly=True, samesite="strict")
        return answer

    def _form(self, request: Request, wanted: str, trouble: str, status: HTTPStatus) -> Response:
        has_tokens = bool(self._doors.tokens)
        return self._pages.page(request, "login", status, wanted=wanted, trouble=trouble, has_tokens=has_tokens)
