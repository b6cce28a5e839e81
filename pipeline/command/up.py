"""Everything in one process and one event loop: gateway, core and pager on the embedded log."""

import asyncio
import time
from functools import partial
from pathlib import Path

import structlog

from pipeline.command.collection import collect_rarely
from pipeline.command.life import run_together, stop_on_signals
from pipeline.command.shadow import tell_at_start
from pipeline.command.sinks import make_sink
from pipeline.command.surroundings import address_of, learned_of, policy_of, read_settings
from pipeline.command.web import Around, beyond_of
from pipeline.core.jit import warm_up
from pipeline.edge.archive import archive_beside, archive_now_and_then, check_archive
from pipeline.edge.gateway import (
    FOLLOWED,
    AlertmanagerApi,
    Board,
    check_exposure,
    create_gateway,
    follow,
)
from pipeline.edge.pager import GROUP, run_pager
from pipeline.edge.serving import listen, serve
from pipeline.edge.web import FOLLOWED as SHOWN
from pipeline.edge.web import TAILS, Doors, Live, Silences, beside, create_web
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.embedded_pulse import EmbeddedPulse
from pipeline.stream.cadence import Pace
from pipeline.stream.embedded import run_embedded
from pipeline.watchdog import WORKERS, run_watchdog, watchdog_of
from schemas.topics import PAGES

logger = structlog.get_logger("pagesieve")


def run_up(  # noqa: PLR0913, PLR0917 - as many as the command has options
    data_dir: Path,
    address: str,
    sink_name: str,
    policy_file: Path | None,
    model: Path | None = None,
    archive: Path | None = None,
    schedule: Path | None = None,
) -> None:
    """Run until a signal. Raises Misuse and Missing before anything is started, Fault when a part dies."""
    settings = read_settings()
    policy, learned = policy_of(policy_file, settings), learned_of(model, settings)
    host, port = address_of(address)
    requires_token = check_exposure(host, settings)
    sink = make_sink(sink_name, settings)
    if (root := archive or settings.archive) is not None:
        check_archive(data_dir, root)
    doors = Doors(settings)
    around = Around(policy, policy_file or settings.policy, data_dir, root, schedule, model or settings.model)
    beyond = beyond_of(around, settings)
    warm_up()  # some seconds at the first start, in which a port that is open already would let its callers wait
    listener = listen(host, port)

    async def live() -> None:
        log = await EmbeddedLog.open(data_dir, settings.append_timeout_s)
        try:
            board = Board()
            api = AlertmanagerApi(log, board, settings)
            gateway = create_gateway(log, settings, requires_token=requires_token, api=api)
            shown = Live(silences=Silences(policy.silences))
            web = create_web(log, shown, beyond, doors, settings)
            pages = await log.reader(GROUP, [PAGES.name])
            async with stop_on_signals() as stop:
                bound = listener.getsockname()
                logger.info(
                    "up",
                    listen=f"{bound[0]}:{bound[1]}",
                    data_dir=str(data_dir),
                    policy=policy.name,
                    model=learned.version,
                )
                parts = {
                    "gateway": serve(beside(gateway, web), listener, stop),
                    "board": follow(board, log.follower(FOLLOWED), stop),
                    "web": follow(shown, log.follower(SHOWN, TAILS), stop, "incidents, outcomes and silences", "web"),
                    "triage": run_embedded(log, policy, stop, Pace(settings.snapshot_every_s), learned),
                    "pager": run_pager(pages, log, sink, stop),
                    "watchdog": run_watchdog(EmbeddedPulse(data_dir, WORKERS), log, watchdog_of(settings), stop),
                }
                if root is not None:
                    archiving = partial(_archive, data_dir, root, settings.archive_days)
                    parts["archive"] = archive_now_and_then(archiving, settings.archive_every_s, stop)
                tell_at_start(policy, root)
                await run_together(parts, stop)
        finally:
            await log.close()
        logger.info("stopped")

    collect_rarely()
    asyncio.run(live())


def _archive(data_dir: Path, root: Path, keep_days: int) -> int:
    return archive_beside(data_dir, root, keep_days, time.time_ns() // 1_000_000)
