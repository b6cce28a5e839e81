"""What an alert says, as tokens: the words of its name and the values of its labels."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from pipeline.core.correlation.tuning import LONGEST_TOKEN, MOST_TOKENS
from schemas import Alert
from schemas.record import fields_of

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PORT = re.compile(r":\d{1,5}$")
# The name is told by its words, and how bad it is says nothing of what it is about: in a first hour two strangers would
# be alike by that alone.
_NOT_WHERE = frozenset({"alertname", "severity"})
# Means nothing without its label.
_ANYTHING = frozenset({"true", "false", "none", "null", "unknown", "default", "other"})
_NAME = "\1"  # what a name as a whole begins with
_SHORTEST = 2  # characters that may name something


def is_value(token: str) -> bool:
    """Whether it is the value of a label, not a word."""
    return "=" in token


def name_of(alert: Alert) -> str:
    """The name as a token, which is no word and no value."""
    return f"{_NAME}{fields_of(alert)['name']}"[:LONGEST_TOKEN]


def tokens_of(alert: Alert) -> list[str]:
    """Its tokens, sorted, each once; of very many the first. A value holds `=`, which no word does."""
    fields = fields_of(alert)
    name, labels = fields["name"], fields["labels"]
    words = _words(name) if len(name) <= LONGEST_TOKEN else _new_words(name)
    values = [
        _value(key, value) if len(key) + len(value) <= LONGEST_TOKEN else _token_of(key, value)
        for key, value in labels.items()
        if key not in _NOT_WHERE
    ]
    return sorted(words.union(values))[:MOST_TOKENS]


def needed(services: Iterable[str], own: Sequence[str]) -> list[str]:
    """What the alert's service depends on, of which it speaks too, but for what is among its `own` tokens."""
    tokens = [f"={service}"[:LONGEST_TOKEN] for service in services]
    return [token for token in dict.fromkeys(tokens) if token not in own][: MOST_TOKENS - len(own)]


def said(token: str, alert: Alert) -> str:
    """The token as a person reads it: with the label in which the alert has it."""
    if token[:1] == _NAME:
        return token[1:]
    if token[:1] == "=":
        for key, value in alert.labels.items():
            if key not in _NOT_WHERE and _token_of(key, value) == token:
                return f"{key}={value}"[:LONGEST_TOKEN]
        return f"needs {token[1:]}"
    return token


def _new_words(name: str) -> frozenset[str]:
    return frozenset([word.lower() for word in _WORD.findall(name)])


_words = lru_cache(maxsize=1024)(_new_words)


def _token_of(key: str, value: str) -> str:
    """`node=db1` and `instance=db1:9100`, `service=cart` and `container=cart` are one; a number may be anything."""
    if value.count(":") == 1:  # more are in a MAC or IPv6 address, whose last part is no port
        value = _PORT.sub("", value)
    is_anything = len(value) < _SHORTEST or value.isdigit() or value in _ANYTHING
    return f"{key if is_anything else ''}={value}"[:LONGEST_TOKEN]


# Most labels have one of a few values; what is long is not kept.
_value = lru_cache(maxsize=8192)(_token_of)
