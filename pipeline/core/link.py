"""A link is an address of http or https: a click on anything else might run something."""


def safe_link(url: str | None) -> str | None:
    """The address, if a click on it can do no harm."""
    return url if url and url.lower().startswith(("https://", "http://")) else None
