"""Outcomes as people and programs post them: one, an array of them, or an object that holds the array as `outcomes`.

    {"incident_id": "inc1:…", "verdict": "not_actionable", "by": "ada", "note": "…", "at": "…", "is_person": true}

All of them are right, or none is taken: who marks a list wants to know what became of it.
"""

import hashlib
import re
from typing import Any

import orjson

from pipeline.errors import Rejected
from pipeline.sources.claim import load, mapping, numbered, path, shape, text, time_ms
from schemas import Outcome, Verdict

MOST_TOGETHER = 500  # outcomes in a body
LONGEST_NOTE = 2000  # characters; triage keeps the last of each incident
LONGEST = 200  # of any other text
_INCIDENT = re.compile(r"inc[0-9]+:[0-9a-f]{20}")
_VERDICTS = {verdict.value: verdict for verdict in Verdict}


def read_outcomes(body: bytes, received_at_ms: int, via: str = "api") -> list[Outcome]:
    """What a body says, each with its id. Raises Rejected, naming the first field that is wrong."""
    found, array = load(body), ""
    if isinstance(found, dict) and "outcomes" in found:
        found, array = found["outcomes"], "outcomes"
    elif isinstance(found, dict):
        return [_read(found, "", received_at_ms, via)]
    if not isinstance(found, list):
        raise Rejected(f"must be an outcome, or an array of them, is {shape(found)}", array)
    if len(found) > MOST_TOGETHER:
        raise Rejected(f"{len(found)} outcomes are more than {MOST_TOGETHER}; send them in parts", array)
    return [_read(item, where, received_at_ms, via) for where, item in numbered(found, array)]


def is_incident_id(key: object) -> bool:
    """Whether it is the id of an incident of ours."""
    return isinstance(key, str) and _INCIDENT.fullmatch(key) is not None


def identified(outcome: Outcome, *content: object) -> Outcome:
    """`outcome` with its id: a hash of `content`, which tells what happened from all else that may happen."""
    digest = hashlib.blake2b(orjson.dumps(content), digest_size=10).hexdigest()
    return outcome.model_copy(update={"id": f"out1:{digest}"})


def _read(item: object, where: str, received_at_ms: int, via: str) -> Outcome:
    found = mapping(item, where)
    key = _needed(found, "incident_id", where)
    if not is_incident_id(key):
        raise Rejected("must be the whole id of an incident, inc1: and 20 hex digits", path(where, "incident_id"))
    verdict = _VERDICTS.get(_needed(found, "verdict", where))
    if verdict is None:
        raise Rejected(f"must be one of {', '.join(_VERDICTS)}", path(where, "verdict"))
    is_person = found.get("is_person", True)
    if not isinstance(is_person, bool):
        raise Rejected(f"must be true or false, is {shape(is_person)}", path(where, "is_person"))
    by, at_ms = _needed(found, "by", where), time_ms(found, "at", where)
    at_ms = received_at_ms if at_ms is None else min(at_ms, received_at_ms)
    note = _short(text(found, "note", where) or "", path(where, "note"), LONGEST_NOTE)
    outcome = Outcome(incident_id=key, verdict=verdict, by=by, via=via, at_ms=at_ms, note=note, is_person=is_person)
    return identified(outcome, via, key, verdict.value, by, at_ms, note, is_person)


def _needed(found: dict[str, Any], key: str, where: str) -> str:
    said = (text(found, key, where) or "").strip()
    if not said:
        raise Rejected("is missing or empty", path(where, key))
    return _short(said, path(where, key), LONGEST)


def _short(said: str, where: str, limit: int) -> str:
    if len(said) > limit:
        raise Rejected(f"must have at most {limit} characters, is {shape(said)}", where)
    return said
