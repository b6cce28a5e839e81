"""What was missed is said of the topics on a real Kafka as of an archive of them, while more is written."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.codec import encode
from pipeline.edge.archive.files import write
from pipeline.log import Draft
from pipeline.log.kafka import KafkaWriter
from pipeline.report.sample import WEEK, sample
from schemas import Outcome, Verdict
from schemas.topics import INCIDENTS, OUTCOMES
from tests.integration.broker import Broker
from tests.unit.command.test_command_line import pagesieve

pytestmark = pytest.mark.integration
SAMPLE = ("audit", "misses", "--week", WEEK.name)
NEEDED = {INCIDENTS.name, OUTCOMES.name}


def append(broker: Broker, drafts: list[Draft]) -> None:
    async def appended() -> None:
        writer = KafkaWriter(broker.bootstrap, 30.0)
        try:
            await writer.append(drafts)
        finally:
            await writer.close()

    asyncio.run(appended())


def asked(*arguments: str | Path, **environment: str) -> dict[str, Any]:
    done = pagesieve(*arguments, "--json", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_the_topics_on_kafka_say_what_their_archive_says_and_a_grade_counts(broker: Broker, tmp_path: Path) -> None:
    entries = list(sample(1))
    write(tmp_path / "archive", entries)
    keyed = [(one.topic, json.loads(one.value)["incident_id"], one.value) for one in entries if one.topic in NEEDED]
    append(broker, [Draft(*one) for one in keyed])
    of_kafka = asked(*SAMPLE, PAGESIEVE_KAFKA=broker.bootstrap)
    assert of_kafka == asked(*SAMPLE, "--archive", tmp_path / "archive")
    assert (of_kafka["missed"]["known"]["whole"], of_kafka["missed"]["drawn"]) == (53, 20)
    graded = of_kafka["to_grade"][0]["incident_id"]
    said = Outcome(incident_id=graded, verdict=Verdict.ACTIONABLE, by="ada", via="api", at_ms=WEEK.period.until_ms)
    append(broker, [Draft(OUTCOMES.name, graded, encode(said))])
    after = pagesieve(*SAMPLE, PAGESIEVE_KAFKA=broker.bootstrap)
    assert (after.returncode, f"MISSED {graded}  " in after.stdout) == (0, True)
