"""What was read lately is kept by its bytes, within a bound on memory."""

from typing import Generic, TypeVar

Value = TypeVar("Value")

# Beside its bytes a value costs about what its objects do: an alert of 900 bytes took 3.3 KB in all (tracemalloc), and
# as much as itself once more when it is kept as it is written, too.
BYTES_EACH = 1000
TIMES_KEY = 4


class Recent(Generic[Value]):
    """Values by key, forgotten in two generations: what nobody asked for while `most_bytes` were added is gone.

    Whole keys are compared, never a hash of them alone. Never holds more than twice `most_bytes`, as estimated.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._left_bytes = most_bytes
        self._young: dict[bytes, Value] = {}
        self._old: dict[bytes, Value] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: bytes) -> Value | None:
        """What was put under exactly these bytes, if it is still there."""
        found = self._young.get(key)
        if found is None and (found := self._old.pop(key, None)) is not None:
            self.put(key, found)
        return found

    def put(self, key: bytes, value: Value) -> None:
        """Keep a value that is not there yet; one that alone is too large is not kept."""
        size = BYTES_EACH + TIMES_KEY * len(key)
        if size > self._most_bytes:
            return
        if size > self._left_bytes:
            self._old, self._young, self._left_bytes = self._young, {}, self._most_bytes
        self._young[key] = value
        self._left_bytes -= size
