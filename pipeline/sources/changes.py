"""Changes as deploy tools and people send them: PagerDuty's change events, or our own plain form.

    {"routing_key": …, "payload": {"summary", "timestamp", "source", "custom_details"}, "links": [{"href", "text"}]}
    {"summary", "at", "kind", "source", "service", "labels": {}, "link"}

Only `summary` is needed, and something that says what the change was made to: `service`, `labels`, or, in PagerDuty's,
what of `custom_details` is a plain word. A routing key says to PagerDuty whose it is; it is a secret and is not kept.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from pipeline.errors import Rejected
from pipeline.sources.claim import load, mapping, numbered, path, shape, text, texts, time_ms
from schemas import Change, ChangeLink

MOST_TOGETHER = 100  # changes in a body
LONGEST_SUMMARY = 1024  # characters, as PagerDuty has it; longer ones are cut
LONGEST = 200  # characters of any other text
MOST_LABELS = 16
MOST_LINKS = 5
_LONGEST_LINK = 2048
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class Heard(NamedTuple):
    """What a body holds, and what in it is no change."""

    changes: list[Change]
    rejected: list[Rejected]


def read_changes(body: bytes, received_at_ms: int | None, tenant: str | None = None) -> Heard:
    """One change, an array of them, or one a line. `received_at_ms`: when it came; None: history, it says so itself.

    Raises Rejected if nothing of the body is usable.
    """
    found = _load(body)
    if isinstance(found, dict):
        return Heard([read_change(found, "", received_at_ms, tenant)], [])
    if not isinstance(found, list):
        raise Rejected(f"must be a change, an array of changes, or one change a line, is {shape(found)}")
    if len(found) > MOST_TOGETHER:
        raise Rejected(f"{len(found)} changes are more than {MOST_TOGETHER}; send them in parts")
    good: list[Change] = []
    bad: list[Rejected] = []
    for where, item in numbered(found):
        try:
            good.append(read_change(item, where, received_at_ms, tenant))
        except Rejected as exc:
            bad.append(exc.with_traceback(None))
    return Heard(good, bad)


def _load(body: bytes) -> Any:
    try:
        return load(body)
    except Rejected:
        lines = [line for line in body.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [load(line) for line in lines[: MOST_TOGETHER + 1]]


def read_change(item: object, where: str, received_at_ms: int | None, tenant: str | None) -> Change:
    """One change. Raises Rejected, naming the field."""
    found = mapping(item, where)
    said = _of_pagerduty(found, where) if "payload" in found else _plain(found, where)
    at_ms = said.at_ms if said.at_ms is not None else received_at_ms
    if at_ms is None:
        raise Rejected("history needs the time of a change", path(where, "at"))
    if not said.labels:
        raise Rejected("must say what the change was made to", path(where, "service"))
    at_ms = at_ms if received_at_ms is None else min(at_ms, received_at_ms)
    content = [at_ms, said.summary, said.kind, said.source, sorted(said.labels.items()), said.links, tenant]
    digest = hashlib.blake2b(orjson.dumps(content), digest_size=10).hexdigest()
    return Change(
        id=f"chg1:{digest}",
        at_ms=at_ms,
        summary=said.summary,
        kind=said.kind,
        source=said.source,
        labels=said.labels,
        links=tuple(ChangeLink(href=href, text=name) for href, name in said.links),
        tenant=tenant,
    )


class _Said(NamedTuple):
    at_ms: int | None
    summary: str
    kind: str
    source: str
    labels: dict[str, str]
    links: list[tuple[str, str]]


def _of_pagerduty(found: dict[str, Any], where: str) -> _Said:
    at = path(where, "payload")
    payload = mapping(found["payload"], at)
    source = _word(payload, "source", at)
    details = payload.get("custom_details")
    labels = _plain_words(details) if isinstance(details, dict) else {}
    return _Said(
        time_ms(payload, "timestamp", at),
        _summary(payload, at),
        labels.pop("kind", ""),
        source,
        labels or ({"service": source} if source else {}),
        _links(found, where),
    )


def _plain(found: dict[str, Any], where: str) -> _Said:
    labels = texts(found, "labels", where)
    service = _word(found, "service", where)
    if service:
        labels = {**labels, "service": service}
    for label, value in labels.items():
        if not _LABEL.fullmatch(label) or len(label) > LONGEST or len(value) > LONGEST:
            raise Rejected(f"must be a label of at most {LONGEST} characters", path(where, "labels"))
    if len(labels) > MOST_LABELS:
        raise Rejected(f"{len(labels)} labels are more than {MOST_LABELS}", path(where, "labels"))
    return _Said(
        time_ms(found, "at", where),
        _summary(found, where),
        _word(found, "kind", where),
        _word(found, "source", where),
        labels,
        _links(found, where),
    )


def _summary(found: dict[str, Any], where: str) -> str:
    said = text(found, "summary", where)
    said = " ".join(said.split()) if said is not None else ""
    if not said:
        raise Rejected("is needed", path(where, "summary"))
    return said if len(said) <= LONGEST_SUMMARY else f"{said[: LONGEST_SUMMARY - 1]}…"


def _word(found: dict[str, Any], key: str, where: str) -> str:
    said = text(found, key, where) or ""
    if len(said) > LONGEST:
        raise Rejected(f"must have at most {LONGEST} characters, is {shape(said)}", path(where, key))
    return said


def _plain_words(details: dict[str, Any]) -> dict[str, str]:
    """What of PagerDuty's free details could be an alert's label: a word under a name, and nothing that is nested."""
    words = [
        (name, value)
        for name, value in details.items()
        if isinstance(value, str) and 0 < len(value) <= LONGEST and len(name) <= LONGEST and _LABEL.fullmatch(name)
    ]
    return dict(words[:MOST_LABELS])


def _links(found: dict[str, Any], where: str) -> list[tuple[str, str]]:
    return list(_each_link(found, where))[:MOST_LINKS]


def _each_link(found: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """Links to the web, as `link` or in `links`; what is none is left out, since it costs no more than a click."""
    several = found.get("links")
    for one in [found.get("link"), *(several if isinstance(several, list) else ())]:
        href, name = (one.get("href"), one.get("text")) if isinstance(one, dict) else (one, None)
        if isinstance(href, str) and href.startswith(("https://", "http://")) and len(href) <= _LONGEST_LINK:
            yield href, name[:LONGEST] if isinstance(name, str) and name else "change"
