"""A sentence for a person stands beside each value of an enumeration that people are shown."""

from enum import StrEnum
from typing import Self


class Sentenced(StrEnum):
    """What such enumerations derive from; each of their members is a value and its sentence."""

    sentence: str

    def __new__(cls, value: str, sentence: str = "") -> Self:
        """A member with its sentence."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member
