"""Sources: one file a monitor, and one table of them. A source reads a body into claims; it decides nothing."""

from collections.abc import Callable, Mapping

from pipeline.errors import Misuse, Rejected
from pipeline.sources.alertmanager import alertmanager
from pipeline.sources.canonical import canonical
from pipeline.sources.claim import Claim, Parsed, load
from pipeline.sources.prometheus import prometheus

__all__ = ["SOURCES", "Claim", "Parsed", "guess", "parse"]

SOURCES: Mapping[str, Callable[[bytes, int | None], Parsed]] = {
    "alertmanager": alertmanager,
    "prometheus": prometheus,
    "canonical": canonical,
}


def parse(source: str, body: bytes, received_at_ms: int | None) -> Parsed:
    """Read `body` as `source` writes it; `received_at_ms` None means history, whose times are in the body.

    Raises Rejected if nothing of the body is usable, Misuse if there is no such source.
    """
    reader = SOURCES.get(source)
    if reader is None:
        raise Misuse(f"no source {source!r}; there are: {', '.join(SOURCES)}")
    return reader(body, received_at_ms)


def guess(body: bytes) -> str:
    """Which source wrote `body`, by its shape, for a producer that sent no header; canonical if nothing else fits.

    Raises Rejected if it is not JSON and not NDJSON either.
    """
    try:
        found = load(body)
    except Rejected:
        if len(body.splitlines()) > 1:
            return "canonical"
        raise
    if isinstance(found, dict) and isinstance(found.get("alerts"), list):
        return "alertmanager"
    first = found[0] if isinstance(found, list) and found else None
    if isinstance(first, dict) and "labels" in first and "name" not in first:
        return "prometheus"
    return "canonical"
