"""Logs are one JSON object a line, and an outage does not drown them."""

import json
import subprocess
import sys
from typing import Any


def logged(script: str) -> list[dict[str, Any]]:
    """What `script` leaves on stderr, in a process of its own: logging is global."""
    prelude = "import logging, structlog\nfrom pipeline import logs\nlogs.configure('info')\n"
    command = [sys.executable, "-c", prelude + script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_what_a_kafka_client_repeats_during_an_outage_is_heard_once_in_a_while() -> None:
    lines = logged("""
for attempt in range(100):
    logging.getLogger("kafka.net.manager").error("Connection failed: %s", attempt)
    logging.getLogger("aiokafka").error(f"Attempt {attempt} failed")
""")
    assert [line["event"] for line in lines] == ["Connection failed: 0", "Attempt 0 failed"]


def test_what_we_and_all_others_say_is_heard_each_time() -> None:
    lines = logged("""
for attempt in range(3):
    structlog.get_logger("pagesieve").warning("refused", attempt=attempt)
    logging.getLogger("kafkaesque").error("Connection failed: %s", attempt)
""")
    assert [(line["logger"], line["level"]) for line in lines] == [
        ("pagesieve", "warning"),
        ("kafkaesque", "error"),
    ] * 3
