"""The parts on Kafka, each a process of its own: made here, and given what they need."""

import asyncio
import json
import logging
import sys
from pathlib import Path

from pipeline.command.collection import collect_rarely
from pipeline.command.life import run_together, stop_on_signals
from pipeline.command.sinks import make_sink
from pipeline.command.surroundings import address_of, kafka_of, learned_of, policy_of, read_settings

# Each command imports its own part only: the worker's Faust is not the gateway's business, nor numba the pager's.


def run_gateway(listen: str) -> None:
    """Serve until a signal. Raises Misuse."""
    from pipeline.edge.gateway import FOLLOWED, AlertmanagerApi, Board, check_exposure, create_gateway, follow
    from pipeline.edge.serving import listen as listen_at
    from pipeline.edge.serving import serve
    from pipeline.log.kafka import KafkaFollower, KafkaWriter

    settings = read_settings()
    bootstrap = kafka_of(settings)
    host, port = address_of(listen)
    requires_token = check_exposure(host, settings)
    listener = listen_at(host, port)

    async def live() -> None:
        log = KafkaWriter(bootstrap, settings.append_timeout_s)
        board = Board()
        api = AlertmanagerApi(log, board, settings)
        gateway = create_gateway(log, settings, requires_token=requires_token, api=api)
        try:
            async with stop_on_signals() as stop:
                parts = {
                    "gateway": serve(gateway, listener, stop),
                    "board": follow(board, KafkaFollower(bootstrap, FOLLOWED), stop),
                }
                await run_together(parts, stop)
        finally:
            await log.close()

    asyncio.run(live())


def run_worker(policy_file: Path | None, model: Path | None, listen: str | None) -> None:
    """Decide until a signal. Raises Misuse and Missing; ends the process with 70 when it cannot go on."""
    from pipeline.command.shadow import tell_at_start
    from pipeline.stream import worker

    settings = read_settings()
    collect_rarely()
    policy, learned = policy_of(policy_file, settings), learned_of(model, settings)
    tell_at_start(policy, settings.archive)
    worker.run_worker(settings, policy, learned, address_of(listen) if listen else None)


def run_pager(sink_name: str, listen: str | None) -> None:
    """Deliver pages until a signal. Raises Misuse."""
    from pipeline.edge.pager import GROUP, PagerOptions, run_pager
    from pipeline.edge.serving import listen as listen_at
    from pipeline.log.kafka import KafkaReader, KafkaWriter
    from pipeline.log.kafka_pulse import KafkaPulse
    from pipeline.watchdog import WORKERS, run_watchdog, watchdog_of
    from schemas.topics import PAGES

    settings = read_settings()
    bootstrap = kafka_of(settings)
    sink = make_sink(sink_name, settings)
    options = PagerOptions(listener=listen_at(*address_of(listen)) if listen else None)

    async def live() -> None:
        writer = KafkaWriter(bootstrap, settings.append_timeout_s)
        try:
            async with stop_on_signals() as stop:
                parts = {
                    "pager": run_pager(KafkaReader(bootstrap, GROUP, [PAGES.name]), writer, sink, stop, options),
                    "watchdog": run_watchdog(KafkaPulse(bootstrap, WORKERS), writer, watchdog_of(settings), stop),
                }
                await run_together(parts, stop)
        finally:
            await writer.close()

    asyncio.run(live())


def create_topics() -> None:
    """Make what is missing and print the names. Raises Misuse and Missing."""
    from pipeline.log import admin

    settings = read_settings()
    _leave_complaining_to_us()
    made = admin.create_topics(kafka_of(settings), settings.replication)
    print("\n".join(f"made {name}" for name in made) or "every topic is there already")


def check_topics(*, as_json: bool) -> int:
    """Print every difference; 1 if there is one. Raises Misuse and Missing."""
    from pipeline.log import admin

    bootstrap = kafka_of(read_settings())
    _leave_complaining_to_us()
    differences = admin.check_topics(bootstrap)
    if as_json:
        json.dump({"differences": differences}, sys.stdout, indent=2)
        print()
    else:
        print("\n".join(differences) or "every topic is as it should be")
    return 1 if differences else 0


def _leave_complaining_to_us() -> None:
    """What kafka-python logs about a broker that is away, our own one line says too."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
