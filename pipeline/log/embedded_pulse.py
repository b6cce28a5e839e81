"""How the parts of one process on the embedded log get on: how far the topics reach, and how far they have come."""

from contextlib import closing
from pathlib import Path

from pipeline.codec import decode
from pipeline.errors import Misuse, Rejected, Retryable
from pipeline.log.embedded_recording import EmbeddedRecording
from pipeline.log.extent import Pulse
from schemas import Page
from schemas.topics import ALERTS, PAGES, RAW


class EmbeddedPulse:
    """Looks at the log of `data_dir` beside the process that writes it, which may be the one that looks."""

    def __init__(self, data_dir: Path, group: str) -> None:
        self._data_dir = data_dir
        self._group = group

    def look(self) -> Pulse:
        """Look. Raises Retryable. Blocks."""
        with closing(self._open(ALERTS.name, RAW.name)) as recording:
            # Whoever looks is one of the parts, which end together: somebody is at work.
            return Pulse(recording.extents, members=1)

    def last_page(self, dedup_key: str) -> Page | None:
        """The newest page with this key. Raises Retryable. Blocks, and reads the whole topic: not for every look."""
        newest: Page | None = None
        with closing(self._open(PAGES.name)) as recording:
            for entry in recording.read(PAGES.name):
                if entry.key == dedup_key:
                    try:
                        newest = decode(Page, entry.value)
                    except Rejected:  # of another version, and the pager rejects it
                        continue
        return newest

    def _open(self, *topics: str) -> EmbeddedRecording:
        try:
            return EmbeddedRecording.open(self._data_dir, self._group, topics)
        except Misuse as exc:  # it is our own log: a disk that fails, for now
            raise Retryable(str(exc)) from exc
