"""A silence as people write and read it: checked and shown as Alertmanager does."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import ValidationError

from pipeline.codec import rejection
from pipeline.core.matcher import LONGEST, Matcher, Op, parse_matcher
from pipeline.core.timestamp import rfc3339
from pipeline.edge.gateway.alertmanager.board import Listed
from pipeline.edge.gateway.alertmanager.shapes import GettableSilence, MatcherShape, PostableSilence, SilenceStatus
from pipeline.errors import Rejected
from pipeline.sources.claim import time_ms
from schemas import Silence
from schemas.topics import DAY_MS, SILENCE_DAYS

State = Literal["expired", "active", "pending"]
_OPS: dict[tuple[bool, bool], Op] = {
    (False, True): "=",
    (False, False): "!=",
    (True, True): "=~",
    (True, False): "!~",
}
_KINDS = {op: kind for kind, op in _OPS.items()}
_RANK = {"active": 0, "pending": 1, "expired": 2}
_IDS = uuid.UUID("d1b0b1c0-52d0-5c8e-9d5c-6e0b6a0f6c1e")  # a name space of our own


def read_silence(body: bytes, now_ms: int) -> Silence:
    """The silence in a request's body, with the id that the client named, or none. Raises Rejected, saying why."""
    try:
        posted = PostableSilence.model_validate_json(body)
    except ValidationError as exc:
        raise rejection(exc) from None
    times = {"startsAt": posted.starts_at, "endsAt": posted.ends_at}
    starts_at_ms, ends_at_ms = (time_ms(times, key, "") for key in times)
    if starts_at_ms is None:
        starts_at_ms = now_ms
    if ends_at_ms is None:
        raise Rejected("silence invalid: invalid zero end timestamp")
    if starts_at_ms >= ends_at_ms:
        raise Rejected("Failed to create silence: start time must be before end time")
    if ends_at_ms < now_ms:
        raise Rejected("Failed to create silence: end time can't be in the past")
    if ends_at_ms > now_ms + SILENCE_DAYS * DAY_MS:
        raise Rejected(f"silence invalid: it must end within {SILENCE_DAYS} days; what never pages is for the policy")
    return Silence(
        id=posted.id,
        matchers=_canonical(posted.matchers),
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        created_by=posted.created_by,
        comment=posted.comment,
        updated_at_ms=now_ms,
    )


def _canonical(posted: Iterable[MatcherShape]) -> tuple[str, ...]:
    matchers = []
    for number, one in enumerate(posted):
        try:
            if len(one.name) + len(one.value) > LONGEST // 2:
                raise ValueError(f"it is longer than {LONGEST // 2} characters")  # noqa: TRY301  # one way out
            matchers.append(Matcher(one.name, _OPS[one.is_regex, one.is_equal], one.value))
        except ValueError as exc:
            raise Rejected(f"silence invalid: invalid label matcher {number}: {exc}") from None
    if all(matcher.op in ("=", "=~") and matcher.matches({}) for matcher in matchers):
        raise Rejected("silence invalid: at least one matcher must not match the empty string")
    return tuple(map(str, matchers))


def identified(silence: Silence) -> Silence:
    """`silence` with an id, shaped as Alertmanager's and derived from what it says and when it was said."""
    content = silence.model_copy(update={"id": ""}).model_dump_json()
    return silence.model_copy(update={"id": str(uuid.uuid5(_IDS, content))})


def state_of(silence: Silence, now_ms: int) -> State:
    """Whether it holds at `now_ms`."""
    if now_ms >= silence.ends_at_ms:
        return "expired"
    return "active" if now_ms >= silence.starts_at_ms else "pending"


def replaces_in_place(new: Silence, known: Silence, now_ms: int) -> bool:
    """Whether `new` may keep the id of `known`: only if what was silenced so far stays what it was."""
    state = state_of(known, now_ms)
    if state == "expired" or new.matchers != known.matchers:
        return False
    if state == "active":
        return new.starts_at_ms // 1000 == known.starts_at_ms // 1000  # amtool's updates keep no milliseconds
    return new.starts_at_ms >= now_ms


def shown(listed: Iterable[Listed], filters: Sequence[Matcher], now_ms: int) -> list[GettableSilence]:
    """Those that have every one of `filters` among their matchers, in Alertmanager's order."""
    found = [one.silence for one in listed if set(filters) <= set(one.matchers)]
    return [shape(silence, now_ms) for silence in sorted(found, key=lambda silence: _order(silence, now_ms))]


def shape(silence: Silence, now_ms: int) -> GettableSilence:
    """The silence in Alertmanager's words."""
    return GettableSilence(
        id=silence.id,
        status=SilenceStatus(state=state_of(silence, now_ms)),
        updated_at=rfc3339(silence.updated_at_ms),
        comment=silence.comment,
        created_by=silence.created_by,
        ends_at=rfc3339(silence.ends_at_ms),
        starts_at=rfc3339(silence.starts_at_ms),
        matchers=[_matcher(parse_matcher(text)) for text in silence.matchers],
    )


def _matcher(matcher: Matcher) -> MatcherShape:
    is_regex, is_equal = _KINDS[matcher.op]
    return MatcherShape(name=matcher.name, value=matcher.value, is_regex=is_regex, is_equal=is_equal)


def _order(silence: Silence, now_ms: int) -> tuple[int, int, str]:
    """Active before pending before expired: the next to end, the next to start, the last to have ended."""
    state = state_of(silence, now_ms)
    instant_ms = {"active": silence.ends_at_ms, "pending": silence.starts_at_ms, "expired": -silence.ends_at_ms}[state]
    return _RANK[state], instant_ms, silence.id
