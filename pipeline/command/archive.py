"""The archive as a command: once over the log of `up`, or a process of its own on Kafka."""

import asyncio
import time
from pathlib import Path

from pipeline.command.life import run_together, stop_on_signals
from pipeline.command.surroundings import kafka_of, read_settings
from pipeline.edge.archive import ARCHIVED, GROUP, ArchiverOptions, archive_beside, run_archiver
from pipeline.errors import Misuse
from pipeline.settings import Settings


def run_archive(data_dir: Path | None, folder: Path | None) -> None:
    """Archive. Raises Misuse, Missing and Retryable."""
    settings = read_settings()
    root = archive_of(folder, settings, "--out")
    if data_dir is not None:
        print(f"archived {archive_beside(data_dir, root, settings.archive_days, now_ms()):,} records in {root}")
        return
    asyncio.run(_live(settings, root))


def archive_of(option: Path | None, settings: Settings, name: str = "--archive") -> Path:
    """The folder. Raises Misuse where none is named."""
    root = option or settings.archive
    if root is None:
        raise Misuse(f"say where the archive is: {name} DIR, or PAGESIEVE_ARCHIVE")
    return root


def now_ms() -> int:
    """The time."""
    return time.time_ns() // 1_000_000


async def _live(settings: Settings, root: Path) -> None:
    from pipeline.log.kafka import KafkaReader  # noqa: PLC0415 - not for a data folder

    bootstrap = kafka_of(settings)
    options = ArchiverOptions(root, settings.archive_days, settings.archive_every_s, now_ms)
    async with stop_on_signals() as stop:
        reader = KafkaReader(bootstrap, GROUP, ARCHIVED)
        try:
            await run_together({"archive": run_archiver(reader, stop, options)}, stop)
        finally:
            await reader.close()
