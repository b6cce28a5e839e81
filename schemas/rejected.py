"""Rejected: input that is no alert, kept whole with the reason and where it stood."""

import base64
import contextlib
import re
from typing import Literal, Self

from pydantic import Field

from schemas.record import Record

_CONTROLS = re.compile(rb"[\x00-\x07\x0b\x0e-\x1f]")


class Rejected(Record):
    """Input that could not become an alert. Nothing of it is lost: the body is here."""

    source: str
    reason: str = Field(description="what is wrong, for a person")
    where: str = Field(description="the field at fault as a path, e.g. alerts[2].labels; empty: the whole body")
    items: int = Field(default=1, description="how many of the body's items are no alert; the others were kept")
    others: tuple[str, ...] = Field(default=(), description="`where: reason` of further ones, the first hundred")
    at_ms: int
    topic: str = Field(default="", description="where the body stood, if it was on a topic")
    partition: int | None = None
    offset: int | None = None
    body: str
    body_encoding: Literal["utf-8", "base64"] = "utf-8"

    @classmethod
    def of(cls, body: bytes, *, source: str, reason: str, where: str, at_ms: int) -> Self:
        """Keep `body` as text if it is text, else as base64."""
        text: str | None = None
        with contextlib.suppress(UnicodeDecodeError):
            # Text it may be, but JSON writes each of these as six bytes: a body of zeros would outgrow every record.
            text = None if _CONTROLS.search(body) else body.decode()
        encoding: Literal["utf-8", "base64"] = "base64" if text is None else "utf-8"
        if text is None:
            text = base64.b64encode(body).decode()
        return cls(source=source, reason=reason, where=where, at_ms=at_ms, body=text, body_encoding=encoding)
