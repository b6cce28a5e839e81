"""What of a source's own words is shown, in incidents, in pages and on a terminal; the alert itself keeps all."""

LONGEST = 200  # characters of a text, or of a label and its value
_MOST_LABELS = 64


def cut(text: str, limit: int) -> str:
    """The text, with at most so many characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def shown(labels: dict[str, str]) -> dict[str, str]:
    """Labels short enough to be told a hundred times; almost all are as they were."""
    if len(labels) <= _MOST_LABELS and sum(map(len, labels)) + sum(map(len, labels.values())) <= LONGEST:
        return labels
    if len(labels) <= _MOST_LABELS and all(len(key) + len(value) <= LONGEST for key, value in labels.items()):
        return labels
    some = list(labels.items())[:_MOST_LABELS]
    return {cut(key, LONGEST): cut(value, LONGEST) for key, value in some}


def is_whole(labels: dict[str, str]) -> bool:
    """Whether these labels are surely all that there were, though they are `shown`."""
    return len(labels) < _MOST_LABELS and all(len(key) < LONGEST > len(value) for key, value in labels.items())


def printable(text: str) -> str:
    """The text on one line, with `\N{MIDDLE DOT}` for what a terminal would obey."""
    return "".join(char if char.isprintable() else "·" for char in text)
