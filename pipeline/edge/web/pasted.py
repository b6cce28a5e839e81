"""An alert as people paste it, made into an event: JSON, Prometheus' notation, or a label a line.

{"name": "DiskFull", "labels": {"host": "a"}}       DiskFull{host="a", severity="critical"}       host=a
"""

import re

import orjson

from pipeline.errors import Rejected

LONGEST = 64 * 1024  # characters
_NOTATION = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)?\s*\{(.*)\}", re.DOTALL)
_PAIR = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')
_LINE_BEGINS = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]*)\s*[=:]")
_NAMES = ("alertname", "__name__")


def event_of(text: str) -> bytes:
    """The JSON of what was pasted. Raises Rejected, saying how it is written."""
    said = text.strip()
    if not said or len(said) > LONGEST:
        raise Rejected(f"paste an alert, of at most {LONGEST:,} characters")
    if said.startswith(("{", "[")) and (found := _json(said)) is not None:
        return found
    if notation := _NOTATION.fullmatch(said):
        return _event(notation[1] or "", _pairs(notation[2]))
    return _event("", _lines(said))


def _json(said: str) -> bytes | None:
    """JSON as it is; an object of texts alone are labels. None: it is none."""
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        return None
    are_labels = isinstance(found, dict) and not {"labels", "alerts", "name"} & found.keys()
    if are_labels and all(isinstance(value, str) for value in found.values()):
        return _event("", found)
    return said.encode()


def _event(name: str, labels: dict[str, str]) -> bytes:
    name = name or next((labels[key] for key in _NAMES if labels.get(key)), "")
    if not name:
        raise Rejected("say what it is called, as alertname")
    severity = {"severity": labels["severity"]} if labels.get("severity") else {}
    return orjson.dumps({"name": name, "labels": {"alertname": name} | labels, "status": "firing"} | severity)


def _pairs(inside: str) -> dict[str, str]:
    labels, at, inside = {}, 0, inside.rstrip()
    while at < len(inside):
        pair = _PAIR.match(inside, at)
        if pair is None:
            raise Rejected(f'expected label="value" at {inside[at : at + 20].strip()!r}')
        quoted = pair[2]
        labels[pair[1]] = pair[3] if quoted is None else re.sub(r"\\(.)", _unescaped, quoted)
        at = pair.end()
    return labels


def _unescaped(found: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(found[1], found[1])


def _lines(said: str) -> dict[str, str]:
    labels = {}
    for line in said.splitlines():
        if not line.strip():
            continue
        begins = _LINE_BEGINS.match(line)
        if begins is None:
            raise Rejected(f"expected label=value on each line, not {line.strip()[:40]!r}")
        # No expression takes the rest: with several things optional at its end it tries each run of spaces in each
        # way, and a line of 3,200 of them took half a minute.
        value = line[begins.end() :].strip().removesuffix(",").rstrip()
        labels[begins[1]] = value.removeprefix('"').removesuffix('"')
    return labels
