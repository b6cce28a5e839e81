"""How much may be in flight is bounded here: what does not fit is refused at once, never queued."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline import metrics
from pipeline.edge.gateway.problem import Kind, Refusal


class Admission:
    """Counts the requests and the bytes of bodies that are held in memory."""

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._requests = 0
        self._bytes = 0

    @contextmanager
    def admit(self) -> Iterator["Slot"]:
        """A slot for one request, given back at the end of the block. Raises Refusal when all are taken."""
        if self._requests >= self._max_requests:
            raise _overloaded(f"{self._requests} requests are in flight")
        slot = Slot(self)
        self._requests += 1
        metrics.GATEWAY_IN_FLIGHT.inc()
        try:
            yield slot
        finally:
            self._requests -= 1
            self._bytes -= slot.held
            metrics.GATEWAY_IN_FLIGHT.dec()
            metrics.GATEWAY_IN_FLIGHT_BYTES.dec(slot.held)

    def take(self, size: int, held: int) -> None:
        """Count `size` more bytes for a slot that holds `held`. Raises Refusal when they do not fit."""
        # A request that is alone always fits: else one whose body is larger than the limit were refused for ever.
        if self._bytes + size > self._max_bytes and self._bytes > held:
            raise _overloaded(f"{self._bytes} bytes are in flight")
        self._bytes += size
        metrics.GATEWAY_IN_FLIGHT_BYTES.inc(size)


class Slot:
    """What one request holds."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.held = 0

    def hold(self, size: int) -> None:
        """Hold `size` more bytes until the request ends. Raises Refusal."""
        self._admission.take(size, self.held)
        self.held += size


def _overloaded(detail: str) -> Refusal:
    metrics.GATEWAY_UNAVAILABLE.labels("overloaded").inc()
    return Refusal(Kind.OVERLOADED, f"{detail}; try again")
