"""What was done when, in one file that a person can read beside the parts' own logs."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path


class Diary:
    """Writes down what happens; the clock is the parts' own, so that their logs can be laid beside it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._began_s = time.monotonic()

    def note(self, text: str, *, is_loud: bool = False) -> None:
        """Write a line, and show it too if it is loud."""
        line = f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {time.monotonic() - self._began_s:7.2f} {text}"
        with self._lock, self._file.open("a") as file:
            file.write(f"{line}\n")
        if is_loud:
            print(text, flush=True)
