"""What silences is always listed: a silence is listed before it holds, and holds no more before the list says so.

Two topics are written: `silences`, from which gateways know what to list, and every partition of `alerts`, where triage
hears it. A failure between the two leaves a silence that is listed but does not hold everywhere, so more pages, never
one that nobody sees.
"""

import asyncio

from pipeline.codec import encode
from pipeline.edge.gateway.alertmanager.board import Board
from pipeline.edge.gateway.alertmanager.silences import identified, replaces_in_place, state_of
from pipeline.edge.gateway.appending import append, broadcast
from pipeline.errors import Rejected
from pipeline.log.entry import Broadcaster, Draft
from schemas import Control, Silence
from schemas.topics import SILENCES

MOST_HOLDING = 1000  # active or pending: triage looks at each of them for every new alert


class Unknown(Exception):  # a verdict, as in pipeline.errors
    """There is no silence with that id."""


class Silencing:
    """Makes, changes and ends silences, one at a time, each durable before it returns."""

    def __init__(self, log: Broadcaster, board: Board, append_timeout_s: float) -> None:
        self._log = log
        self._board = board
        self._append_timeout_s = append_timeout_s
        self._one = asyncio.Lock()

    async def put(self, silence: Silence) -> str:
        """Make `silence`, or let it take the place of the one whose id it names; the id that it has now.

        Where the past would change, the old one ends and a new one begins. Raises Unknown, Rejected, and Refusal if it
        may not be durable.
        """
        now_ms = silence.updated_at_ms
        async with self._one:
            known = self._board.silence(silence.id, now_ms) if silence.id else None
            if silence.id and known is None:
                raise Unknown(silence.id)
            if known is not None and replaces_in_place(silence, known, now_ms):
                newer = silence.model_copy(update={"updated_at_ms": _after(known, now_ms)})
                await self._write(newer, now_ms, is_more=silence.ends_at_ms >= known.ends_at_ms)
                return silence.id
            self._check_room(now_ms)
            if known is not None:
                await self._end(known, now_ms)
            new = identified(silence.model_copy(update={"starts_at_ms": max(silence.starts_at_ms, now_ms)}))
            await self._write(new, now_ms, is_more=True)
            return new.id

    async def expire(self, silence_id: str, now_ms: int) -> None:
        """End the silence now; one that is over stays as it is. Raises Unknown and Refusal."""
        async with self._one:
            known = self._board.silence(silence_id, now_ms)
            if known is None:
                raise Unknown(silence_id)
            await self._end(known, now_ms)

    def _check_room(self, now_ms: int) -> None:
        holding = sum(state_of(one.silence, now_ms) != "expired" for one in self._board.silences(now_ms))
        if holding >= MOST_HOLDING:
            raise Rejected(f"exceeded maximum number of silences: {holding} (limit: {MOST_HOLDING})")

    async def _end(self, known: Silence, now_ms: int) -> None:
        if state_of(known, now_ms) == "expired":
            return
        starts_at_ms = min(known.starts_at_ms, now_ms)
        times = {"starts_at_ms": starts_at_ms, "ends_at_ms": now_ms, "updated_at_ms": _after(known, now_ms)}
        await self._write(known.model_copy(update=times), now_ms, is_more=False)

    async def _write(self, silence: Silence, now_ms: int, *, is_more: bool) -> None:
        if is_more:
            await self._list(silence)
        await broadcast(self._log, Control(at_ms=now_ms, silence=silence), self._append_timeout_s)
        if not is_more:
            await self._list(silence)
        self._board.put(silence)  # the log brings it too, a moment later than the client may ask

    async def _list(self, silence: Silence) -> None:
        await append(self._log, [Draft(SILENCES.name, silence.id, encode(silence))], self._append_timeout_s)


def _after(known: Silence, now_ms: int) -> int:
    """A time of change later than that of `known`, though the clock of the gateway that wrote it may be ahead."""
    return max(now_ms, known.updated_at_ms + 1)
