"""A log-in is a signed cookie: nothing of it is kept here, so it outlives a restart and ends with its token."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

COOKIE = "pagesieve_session"
LASTS_S = 7 * 86_400  # a week on call
LONGEST_NAME = 100
_MOST_CHARACTERS = 1000


def begin(key: bytes, name: str, now_s: int) -> str:
    """The cookie of `name`, signed with the key of the token that was shown."""
    said = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")
    signed = f"{said}.{now_s + LASTS_S}"
    return f"{signed}.{_signature(key, signed)}"


def name_of(cookie: str, keys: Sequence[bytes], now_s: int) -> str | None:
    """Who shows `cookie`, if one of the keys has signed it and it is not over."""
    signed, _, signature = cookie.rpartition(".")
    said, _, ends = signed.partition(".")
    if len(cookie) > _MOST_CHARACTERS or not cookie.isascii() or not ends.isdecimal():
        return None
    # A list: each key is tried, so the time does not tell which one fits.
    fits = [hmac.compare_digest(_signature(key, signed), signature) for key in keys]
    if not any(fits) or int(ends) <= now_s:
        return None
    try:
        return base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def readable_name(text: str) -> str | None:
    """A name as it may stand beside a mark; None where it is none."""
    name = " ".join(text.split())
    return name if name and len(name) <= LONGEST_NAME and name.isprintable() else None


def _signature(key: bytes, signed: str) -> str:
    return hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()
