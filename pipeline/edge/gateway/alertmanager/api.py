"""Alertmanager's API v2, so that its clients, amtool first, work here: silences to write, and what is open to read."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.core.timestamp import rfc3339
from pipeline.edge.gateway import body
from pipeline.edge.gateway.admission import Admission, Slot
from pipeline.edge.gateway.alertmanager.alerts import DEFAULT, Wanted, alerts, groups, read_filters, receivers
from pipeline.edge.gateway.alertmanager.board import Board
from pipeline.edge.gateway.alertmanager.shapes import (
    AlertGroup,
    Configuration,
    GettableAlert,
    GettableSilence,
    Receiver,
    SilenceId,
    Status,
    VersionInfo,
)
from pipeline.edge.gateway.alertmanager.silences import read_silence, shape, shown
from pipeline.edge.gateway.alertmanager.silencing import Silencing, Unknown
from pipeline.edge.gateway.problem import RETRY_AFTER, Refusal, shorten
from pipeline.errors import Rejected
from pipeline.log.entry import Broadcaster
from pipeline.settings import Settings

Handler = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")
UNLISTED = "X-Pagesieve-Unlisted"  # alerts that fire and are not in the answer: what is cut is counted
MAX_REQUESTS = 16  # at once; reading the whole board takes a while
SPEAKS = "0.25.0"  # the Alertmanager whose API this is; clients choose their ways by it, and amtool warns of another
CONFIGURATION = f"""\
# This is pagesieve, which speaks Alertmanager's API. What it decides is in its policy: `pagesieve policy`.
route:
  receiver: {DEFAULT}
receivers:
- name: {DEFAULT}
"""
_SILENCES = TypeAdapter(list[GettableSilence])
_ALERTS = TypeAdapter(list[GettableAlert])
_GROUPS = TypeAdapter(list[AlertGroup])
_RECEIVERS = TypeAdapter(list[Receiver])


class AlertmanagerApi:
    """The handlers. Errors are JSON strings, as Alertmanager's are: its clients understand nothing else."""

    def __init__(self, log: Broadcaster, board: Board, settings: Settings) -> None:
        self.board = board
        self._settings = settings
        self._silencing = Silencing(log, board, settings.append_timeout_s)
        self._admission = Admission(MAX_REQUESTS, settings.max_bytes_in_flight)
        self._started_ms = _now_ms()

    def handler(self, handle: Callable[[Request, Slot], Awaitable[Response]]) -> Handler:
        """`handle` with its refusals as answers, and never before the board is known."""

        async def handled(request: Request) -> Response:
            if not self.board.is_current:
                return _said("silences and incidents are still being read; try again", 503)
            try:
                with self._admission.admit() as slot:
                    return await handle(request, slot)
            except Rejected as exc:
                return _said(shorten(str(exc)), 400)
            except Unknown:
                return _said("silence not found", 404)
            except Refusal as exc:
                return _said(exc.detail, exc.kind.status)

        return handled

    async def post_silence(self, request: Request, slot: Slot) -> Response:
        """Make a silence, or change one."""
        value = await body.read(request, self._settings, slot)
        if body.is_compressed(request.headers):
            value = body.inflate(value, self._settings.max_body_bytes, slot)
        silence = read_silence(value, _now_ms())
        return _answer(SilenceId(silence_id=await self._silencing.put(silence)).model_dump_json(by_alias=True))

    async def get_silences(self, request: Request, slot: Slot) -> Response:
        """Every silence that is not long over."""
        filters = read_filters(request.query_params.getlist("filter"))
        now_ms = _now_ms()
        found = shown(self.board.silences(now_ms), filters, now_ms)
        return _answer(_SILENCES.dump_json(found, by_alias=True))

    async def get_silence(self, request: Request, slot: Slot) -> Response:
        """One silence."""
        now_ms = _now_ms()
        silence = self.board.silence(request.path_params["silence_id"], now_ms)
        if silence is None:
            raise Unknown
        return _answer(shape(silence, now_ms).model_dump_json(by_alias=True))

    async def delete_silence(self, request: Request, slot: Slot) -> Response:
        """End a silence."""
        await self._silencing.expire(request.path_params["silence_id"], _now_ms())
        return Response()

    async def get_alerts(self, request: Request, slot: Slot) -> Response:
        """The alerts of open incidents that fire."""
        found = await self._groups(request)
        return self._listing(await asyncio.to_thread(_dump, _ALERTS, alerts(found)))

    async def get_groups(self, request: Request, slot: Slot) -> Response:
        """The open incidents."""
        return self._listing(await asyncio.to_thread(_dump, _GROUPS, await self._groups(request)))

    async def get_receivers(self, request: Request, slot: Slot) -> Response:
        """Who may be paged."""
        return _answer(_dump(_RECEIVERS, await asyncio.to_thread(receivers, self.board.incidents())))

    async def get_status(self, request: Request, slot: Slot) -> Response:
        """What this is."""
        version = VersionInfo(
            branch="pagesieve", build_date="", build_user="pagesieve", go_version="none", revision="", version=SPEAKS
        )
        status = Status(
            config=Configuration(original=CONFIGURATION), uptime=rfc3339(self._started_ms), version_info=version
        )
        return _answer(status.model_dump_json(by_alias=True))

    async def _groups(self, request: Request) -> list[AlertGroup]:
        query = request.query_params
        wanted = Wanted.of(query, query.getlist("filter"))
        now_ms = _now_ms()
        # In a thread: reading the whole board may take a second, in which alerts would wait.
        return await asyncio.to_thread(groups, self.board.incidents(), self.board.silences(now_ms), wanted, now_ms)

    def _listing(self, value: bytes) -> Response:
        answer = _answer(value)
        answer.headers[UNLISTED] = str(self.board.unlisted())
        return answer


def _dump(adapter: TypeAdapter[list[T]], found: Sequence[T]) -> bytes:
    return adapter.dump_json(list(found), by_alias=True, exclude_none=True)


def _answer(value: bytes | str) -> Response:
    return Response(value, media_type="application/json", headers={"Cache-Control": "no-store"})


def _said(what: str, status: int) -> Response:
    return JSONResponse(what, status, headers=RETRY_AFTER if status == 503 else None)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
