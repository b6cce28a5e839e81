"""What an alert says, as bytes: a quarter of the memory of the record, and read again only when something changes."""

from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from schemas import Alert, Severity, Status
from schemas.record import fields_of

MOST_SHAPES = 4096  # kept once each; an alert of any further one carries its own
MOST_CHARACTERS = 1 << 20  # in the names of all shapes: they come from outside, and are kept for ever
_TEXT = ("utf-8", "surrogatepass")  # bytes that are no text came in as lone surrogates
_SEPARATOR, _SECOND = "\0", b"\xff"  # the second is in no such text, and used where the first is
_packed = itemgetter("source", "tenant", "is_state", "name", "labels", "annotations", "url", "source_fingerprint")


class Shape(NamedTuple):
    """What many alerts have in common: who sends them, and the names of what they carry."""

    source: str
    tenant: str | None
    is_state: bool
    has_url: bool
    has_source_fingerprint: bool
    labels: tuple[str, ...]
    annotations: tuple[str, ...]


class Standing(NamedTuple):
    """What is known of an alert beside what it says."""

    fingerprint: str
    severity: Severity
    starts_at_ms: int
    at_ms: int


class Packer:
    """Packs and unpacks alerts. Its shapes belong to what it packed: a snapshot holds both."""

    def __init__(self, shapes: Iterable[Shape] = ()) -> None:
        self.shapes: list[Shape] = []
        self._characters = 0
        self._heads: dict[tuple[object, ...], str] = {}
        self._last: tuple[object, ...] = ()  # what was looked up last: alerts of a kind come together
        self._last_head: str | None = None
        for shape in shapes:
            self._add(shape)

    def pack(self, alert: Alert) -> bytes:
        """What the alert says, without its identity, its severity and its times."""
        source, tenant, is_state, name, labels, annotations, url, source_fingerprint = _packed(fields_of(alert))
        parts = (  # of a shape; a plain tuple is as good for the look-up, and quicker
            source,
            tenant,
            is_state,
            url is not None,
            source_fingerprint is not None,
            tuple(labels),
            tuple(annotations),
        )
        if parts == self._last:
            head = self._last_head
        else:
            head = self._heads.get(parts)
            if head is None and self._has_room(Shape(*parts)):
                head = self._add(Shape(*parts))
            self._last, self._last_head = parts, head
        fields = [head] if head is not None else _spelled(Shape(*parts))
        fields += (name, url or "", source_fingerprint or "", *labels.values(), *annotations.values())
        text = _SEPARATOR.join(fields)
        if text.count(_SEPARATOR) == len(fields) - 1:
            return text.encode(*_TEXT)
        return _SECOND.join([field.encode(*_TEXT) for field in fields])

    def unpack(self, content: bytes, standing: Standing) -> Alert:
        """The alert again, as one that fires."""
        if _SECOND in content:
            fields = [field.decode(*_TEXT) for field in content.split(_SECOND)]
        else:
            fields = content.decode(*_TEXT).split(_SEPARATOR)
        shape, first = (self.shapes[int(fields[0])], 1) if fields[0] else _read(fields)
        source, tenant, is_state, has_url, has_source_fingerprint, label_names, annotation_names = shape
        labels = first + 3 + len(label_names)
        return Alert.owning(
            {
                "source": source,
                "name": fields[first],
                "labels": dict(zip(label_names, fields[first + 3 : labels], strict=True)),
                "annotations": dict(zip(annotation_names, fields[labels:], strict=True)),
                "severity": standing.severity,
                "status": Status.FIRING,
                "at_ms": standing.at_ms,
                "starts_at_ms": standing.starts_at_ms,
                "ends_at_ms": None,
                "expires_at_ms": None,
                "fingerprint": standing.fingerprint,
                "source_fingerprint": fields[first + 2] if has_source_fingerprint else None,
                "is_state": is_state,
                "url": fields[first + 1] if has_url else None,
                "tenant": tenant,
            }
        )

    def _has_room(self, shape: Shape) -> bool:
        return len(self.shapes) < MOST_SHAPES and self._characters + _characters(shape) <= MOST_CHARACTERS

    def _add(self, shape: Shape) -> str:
        head = self._heads[shape] = str(len(self.shapes))
        self.shapes.append(shape)
        self._characters += _characters(shape)
        return head


def _characters(shape: Shape) -> int:
    return sum(map(len, (shape.source, shape.tenant or "", *shape.labels, *shape.annotations)))


def _spelled(shape: Shape) -> list[str]:
    flags = "".join(str(int(flag)) for flag in shape[2:5])
    tenant = ["0", ""] if shape.tenant is None else ["1", shape.tenant]
    names = (*shape.labels, *shape.annotations)
    return ["", shape.source, *tenant, flags, str(len(shape.labels)), str(len(shape.annotations)), *names]


def _read(fields: list[str]) -> tuple[Shape, int]:
    """The shape that the fields spell, and where it ends."""
    source, has_tenant, tenant, flags = fields[1:5]
    labels, annotations = 7 + int(fields[5]), 7 + int(fields[5]) + int(fields[6])
    is_state, has_url, has_source_fingerprint = (flag == "1" for flag in flags)
    return Shape(
        source,
        tenant if has_tenant == "1" else None,
        is_state,
        has_url,
        has_source_fingerprint,
        tuple(fields[7:labels]),
        tuple(fields[labels:annotations]),
    ), annotations
