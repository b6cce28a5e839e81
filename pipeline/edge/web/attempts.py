"""Who guesses tokens is made to wait: an address has so many wrong log-ins in a window, and no more."""

import ipaddress

MOST_WRONG = 10
WINDOW_S = 300
MOST_ADDRESSES = 10_000  # remembered; beyond them the one that began longest ago is forgotten


class Attempts:
    """Counts wrong log-ins by address; an IPv6 network of 64 bits is one."""

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[float, int]] = {}  # address → when its window began, and how many

    def wait_s(self, address: str | None, now_s: float) -> int:
        """How long this address has to wait; 0 if it may try."""
        began_s, wrong = self._wrong.get(_network(address), (now_s, 0))
        return max(1, round(began_s + WINDOW_S - now_s)) if wrong >= MOST_WRONG and now_s < began_s + WINDOW_S else 0

    def note_wrong(self, address: str | None, now_s: float) -> None:
        """It showed a wrong token."""
        key = _network(address)
        began_s, wrong = self._wrong.get(key, (now_s, 0))
        if now_s >= began_s + WINDOW_S:
            began_s, wrong = now_s, 0
            self._wrong.pop(key, None)
        self._wrong[key] = (began_s, wrong + 1)
        if len(self._wrong) > MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]


def _network(address: str | None) -> str:
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or ""
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)
