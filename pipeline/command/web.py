"""The page as a process of its own on Kafka, and what it is given: the past, the policy and the reports."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import structlog

from pipeline.command.archive import now_ms
from pipeline.command.collection import collect_rarely
from pipeline.command.life import run_together, stop_on_signals
from pipeline.command.recordings import recording_of
from pipeline.command.surroundings import address_of, kafka_of, policy_of, read_settings
from pipeline.core.policy import Policy
from pipeline.edge.following import follow
from pipeline.edge.serving import listen as listen_at
from pipeline.edge.serving import serve
from pipeline.edge.web import FOLLOWED, TAILS, Beyond, Explained, Live, Silences, check_web_exposure, create_web
from pipeline.errors import Misuse
from pipeline.report.schedule import read_schedule
from pipeline.settings import Settings
from schemas.topics import DECISIONS

logger = structlog.get_logger("pagesieve")
MOST_SAID = 500  # characters of why a report cannot be made


class Around(NamedTuple):
    """What a page is about."""

    policy: Policy
    policy_file: Path | None
    data_dir: Path | None = None  # None: Kafka
    archive: Path | None = None
    schedule: Path | None = None
    model: Path | None = None


def run_web(
    listen: str, policy_file: Path | None, archive: Path | None, schedule: Path | None, model: Path | None
) -> None:
    """Serve until a signal. Raises Misuse."""
    from pipeline.log.kafka import KafkaFollower, KafkaWriter  # noqa: PLC0415 - `up` has another log

    settings = read_settings()
    bootstrap = kafka_of(settings)
    host, port = address_of(listen)
    doors = check_web_exposure(host, settings)
    policy = policy_of(policy_file, settings)
    root, models = archive or settings.archive, model or settings.model
    around = Around(policy, policy_file or settings.policy, None, root, schedule, models)
    beyond = beyond_of(around, settings)
    listener = listen_at(host, port)
    collect_rarely()

    async def live() -> None:
        log, board = KafkaWriter(bootstrap, settings.append_timeout_s), Live(silences=Silences(policy.silences))
        page = create_web(log, board, beyond, doors, settings)
        try:
            async with stop_on_signals() as stop:
                bound = listener.getsockname()
                logger.info("web", listen=f"{bound[0]}:{bound[1]}", policy=policy.name, login=not doors.is_open)
                follower = KafkaFollower(bootstrap, FOLLOWED, TAILS)
                parts = {
                    "web": serve(page, listener, stop),
                    "live": follow(board, follower, stop, "incidents, outcomes and silences", "web"),
                }
                await run_together(parts, stop)
        finally:
            await log.close()

    asyncio.run(live())


def beyond_of(around: Around, settings: Settings) -> Beyond:
    """The other rooms, as the page is given them. Raises Misuse if the policy or the schedule cannot be read."""
    from pipeline.answer import TOPICS_IN_ORDER, IncidentStory, LoggedPast  # noqa: PLC0415 - only where there is a page
    from pipeline.answer.gather import incident_story  # noqa: PLC0415 - as above

    read_schedule(around.schedule)  # what is wrong with it is said now, and not when the first report is asked for

    def story(incident_id: str, most: int, since_ms: int | None) -> IncidentStory | None:
        with closing(
            recording_of(around.data_dir, settings, TOPICS_IN_ORDER, "say in which log", since_ms)
        ) as recording:
            return incident_story(LoggedPast(recording), incident_id, most)

    def explain(body: bytes) -> Sequence[Explained]:
        return _explained(body, around.policy)

    async def report(week: str) -> bytes:
        return await _report(week, around)

    text = None
    if around.policy_file is not None:
        text = around.policy_file.read_text("utf-8", "replace")
    repeats = any(rule.repeat_after_ms is not None for rule in around.policy.rules)
    made = report if around.archive is not None else None
    return Beyond(story, explain, made, around.policy.name, repeats, text, partial(_archived_from, around.archive))


def _archived_from(root: Path | None) -> date | None:
    """The first day in the archive."""
    folders = (root / DECISIONS.name).glob("day=*") if root is not None else ()
    first = min((path.name.removeprefix("day=") for path in folders), default=None)
    return date.fromisoformat(first) if first is not None else None


def _explained(body: bytes, policy: Policy) -> list[Explained]:
    from pipeline.command.policy import alerts_in  # noqa: PLC0415 - it brings the core, and this is rarely asked
    from pipeline.explain import explain, words  # noqa: PLC0415 - as above

    found = [explain(alert, policy) for alert in alerts_in(body, now_ms(), policy)]
    return [(words.heading(one), words.parts(one, policy)) for one in found]


async def _report(week: str, around: Around) -> bytes:
    """Made by a process of its own: it takes seconds and hundreds of megabytes, and alerts must not wait for it."""
    with tempfile.TemporaryDirectory(prefix="pagesieve-report-") as folder:
        command = [sys.executable, "-P", "-m", "pipeline", "report", "--week", week, "--out", folder]
        for option, value in (
            ("--archive", around.archive),
            ("--policy", around.policy_file),
            ("--schedule", around.schedule),
            ("--model", around.model),
        ):
            command += [option, str(value.resolve())] if value is not None else []
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
        )
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            last = said.decode(errors="replace").strip().splitlines()[-1:]
            raise Misuse("".join(last)[:MOST_SAID].removeprefix("pagesieve: ") or "the report failed")
        return (Path(folder) / f"{week}.html").read_bytes()
