"""Whose fault it is: the input's, the world's, ours, or the user's machine."""

from typing import Self


class Rejected(Exception):  # a verdict in our glossary, not an error of the program
    """The input is no alert. `where` is the path of the field at fault, empty for the whole body."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.reason = reason
        self.where = where

    def bare(self) -> Self:
        """Itself, to be kept: without the frames of where it was raised, which would keep the whole body alive.

        Where one of them holds it, that were for ever, or until Python looks for cycles: measured, 7 MB for each body
        of 2 MB that is no alert, and 2 GB before it looked.
        """
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)


class Retryable(Exception):  # likewise
    """The world is not ready (broker away, time-out, queue full); the same call may succeed later."""


class Fault(Exception):  # likewise
    """We are wrong. Never swallowed: whoever catches it pages or stops."""


class Missing(Exception):  # likewise
    """A part of the world that the command needs is not there; exit code 3."""


class Misuse(Exception):  # likewise
    """The command was called with something that cannot be right; exit code 2, one line."""
