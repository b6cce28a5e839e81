"""The log that a command looks back at: of `pagesieve up`, or on Kafka."""

import logging
from collections.abc import Sequence
from pathlib import Path

from pipeline.command.surroundings import kafka_of
from pipeline.errors import Misuse
from pipeline.log.extent import Recording
from pipeline.settings import Settings


def recording_of(
    data_dir: Path | None, settings: Settings, topics: Sequence[str], wanted: str, since_ms: int | None = None
) -> Recording:
    """The topics as they stand now, from `since_ms` on. Raises Misuse where neither log is named, Missing, Retryable.

    `wanted` says what is asked for: it begins the complaint.
    """
    if data_dir is not None:
        from pipeline.log.embedded_recording import EmbeddedRecording  # noqa: PLC0415  # only where it is asked for
        from pipeline.stream.embedded import GROUP  # noqa: PLC0415  # it brings the core, which Kafka's does not need

        return EmbeddedRecording.open(data_dir, GROUP, topics, since_ms)
    if not settings.kafka:
        raise Misuse(f"{wanted}: --data-dir of `pagesieve up`, or PAGESIEVE_KAFKA as for the worker")
    from pipeline.log.kafka_recording import KafkaRecording  # noqa: PLC0415  # as above
    from pipeline.stream.worker import GROUP as KAFKA_GROUP  # noqa: PLC0415  # as above

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # what it says of a broker that is away, we say too
    return KafkaRecording(kafka_of(settings), KAFKA_GROUP, topics, since_ms)
