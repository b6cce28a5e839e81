"""Whose fault it is: the input's, the world's, ours, or the user's machine."""


class Rejected(Exception):  # a verdict in our glossary, not an error of the program
    """The input is no alert. `where` is the path of the field at fault, empty for the whole body."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.reason = reason
        self.where = where


class Retryable(Exception):  # likewise
    """The world is not ready (broker away, time-out, queue full); the same call may succeed later."""


class Fault(Exception):  # likewise
    """We are wrong. Never swallowed: whoever catches it pages or stops."""


class Missing(Exception):  # likewise
    """A part of the world that the command needs is not there; exit code 3."""


class Misuse(Exception):  # likewise
    """The command was called with something that cannot be right; exit code 2, one line."""
