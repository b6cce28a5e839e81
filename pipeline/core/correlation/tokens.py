"""What an alert says, as tokens: the words of its name and its label pairs."""

import re

from pipeline.core.correlation.tuning import LONGEST_TOKEN, MOST_TOKENS
from schemas import Alert

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def is_pair(token: str) -> bool:
    """Whether it is a label pair, not a word."""
    return "=" in token


def name_of(alert: Alert) -> str:
    """The name as a token, which is no word and no pair."""
    return f"\1{alert.name}"[:LONGEST_TOKEN]


def tokens_of(alert: Alert) -> list[str]:
    """Its tokens, sorted, each once; of very many the first. A pair holds `=`, which no word does.

    How bad it is says nothing of what it is about: in a first hour, two strangers would be alike by that alone.
    """
    words = {word.lower() for word in _WORD.findall(alert.name)}
    pairs = {f"{key}={value}"[:LONGEST_TOKEN] for key, value in alert.labels.items() if key != "severity"}
    return sorted(words | pairs)[:MOST_TOKENS]
