"""The embedded log is archived from beside: what works on it does not notice, and how far one came is in the archive.

So no group stands in the log that would keep it from forgetting once somebody does not archive any more.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import structlog

from pipeline.edge.archive.columns import ARCHIVED
from pipeline.errors import Missing, Misuse, Retryable
from pipeline.log.embedded_recording import EmbeddedRecording
from pipeline.log.entry import Entry

POSITIONS = "positions.json"
# A file at most: bytes, as a record that is read takes several times what it takes in the log; and entries.
MOST_BYTES = 16 * 1024 * 1024
MOST_ENTRIES = 20_000

log = structlog.get_logger(__name__)


def archive_beside(data_dir: Path, root: Path, keep_days: int, now_ms: int) -> int:
    """Archive all that the log in `data_dir` has and the archive has not; how many records that were. Blocks.

    Raises Misuse if there is no log, or the archive is another log's or in use; Missing and Retryable.
    """
    # pyarrow is for whoever archives
    from pipeline.edge.archive.files import forget, write  # noqa: PLC0415 - see above
    from pipeline.edge.archive.gathered import gather  # noqa: PLC0415 - see above

    with _owned(root), closing(EmbeddedRecording.open(data_dir, "", ARCHIVED)) as recording:
        positions, count = _positions(root, data_dir), 0
        for topic in ARCHIVED:
            since = positions.get(topic, 0)
            [extent] = recording.extents[topic].values()
            if since > extent.end:
                raise Misuse(f"the log in {data_dir} began anew since it was archived to {root}: give it a new folder")
            for some in _portions(recording.read(topic, since)):
                write(root, some)
                positions[topic] = some[-1].offset + 1
                _keep(root, data_dir, positions)
                count += len(some)
        forget(root, keep_days, now_ms)
        gather(root, now_ms)
    return count


def check_archive(data_dir: Path, root: Path) -> None:
    """Raise Misuse if the log in `data_dir` cannot be archived to `root`, before anything relies on it."""
    with _owned(root):
        _positions(root, data_dir)


async def archive_now_and_then(archive: Callable[[], int], every_s: float, stop: asyncio.Event) -> None:
    """Call `archive` in a thread every so often, and once more when `stop` is set. What fails is tried again then."""
    while True:
        try:
            async with asyncio.timeout(every_s):
                await stop.wait()
        except TimeoutError:
            pass
        try:
            count = await asyncio.to_thread(archive)
            log.info("archived", records=count)
        except (Missing, Misuse, Retryable) as exc:
            log.warning("the archive waits", why=str(exc))
        if stop.is_set():
            return


def _portions(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    some: list[Entry] = []
    size = 0
    for entry in entries:
        some.append(entry)
        size += len(entry.value)
        if size >= MOST_BYTES or len(some) == MOST_ENTRIES:
            yield some
            some, size = [], 0
    if some:
        yield some


@contextmanager
def _owned(root: Path) -> Iterator[None]:
    """Keep others from archiving to the same folder meanwhile."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise Misuse(f"cannot archive to {root}: {exc.strerror}") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Misuse(f"another process archives to {root} at this moment") from None
    finally:
        os.close(lock)


def _positions(root: Path, data_dir: Path) -> dict[str, int]:
    """Where to read on in each topic. Raises Misuse if the archive is of another log."""
    path = root / POSITIONS
    if not path.is_file():
        return {}
    try:
        kept = json.loads(path.read_text())
        positions = {str(topic): int(offset) for topic, offset in kept["next"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise Misuse(f"{path} does not say how far the archive has come: {exc}") from None
    if kept.get("log") != str(data_dir.resolve()):
        raise Misuse(f"{root} is the archive of the log in {kept.get('log')}; give this one a folder of its own")
    return positions


def _keep(root: Path, data_dir: Path, positions: dict[str, int]) -> None:
    """The files are durable already; of positions that are lost the next pass finds out that all stands there."""
    unfinished = root / f".{POSITIONS}"
    try:
        unfinished.write_text(json.dumps({"log": str(data_dir.resolve()), "next": positions}, indent=1) + "\n")
        unfinished.replace(root / POSITIONS)
    except OSError as exc:
        raise Missing(f"the archive {root} cannot be written: {exc}") from exc
