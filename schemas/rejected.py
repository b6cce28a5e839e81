"""Rejected: input that is no alert, kept whole with the reason and where it stood."""

import base64
from typing import Literal, Self

from pydantic import Field

from schemas.record import Record


class Rejected(Record):
    """Input that could not become an alert. Nothing of it is lost: the body is here."""

    source: str
    reason: str = Field(description="what is wrong, for a person")
    where: str = Field(description="the field at fault as a path, e.g. alerts[2].labels; empty: the whole body")
    at_ms: int
    topic: str = Field(default="", description="where the body stood, if it was on a topic")
    partition: int | None = None
    offset: int | None = None
    body: str
    body_encoding: Literal["utf-8", "base64"] = "utf-8"

    @classmethod
    def of(cls, body: bytes, *, source: str, reason: str, where: str, at_ms: int) -> Self:
        """Keep `body` as text if it is UTF-8, else as base64."""
        try:
            text, encoding = body.decode(), "utf-8"
        except UnicodeDecodeError:
            text, encoding = base64.b64encode(body).decode(), "base64"
        return cls(source=source, reason=reason, where=where, at_ms=at_ms, body=text, body_encoding=encoding)
