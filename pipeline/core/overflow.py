"""What is known of alerts that cannot be remembered: how many there are, until when they may fire, who paged last.

Of the first `MOST_KNOWN` two numbers are kept each: enough to count them, and to know their end. Of more there is only
the time after which the last of them is over if nothing is heard of it.
"""

from dataclasses import dataclass, field

from pipeline.core.columns import NEVER_MS

MOST_KNOWN = 1000  # and as many again of those that are to page at once, since each does so once
MOST_TOLD = 4 * MOST_KNOWN  # that have done so: more than are ever known
_CLEARED_EVERY_MS = 60_000


@dataclass(slots=True)
class Overflow:
    """The alerts of an incident that are not remembered."""

    alerts: int = 0  # distinct ones, but one that was forgotten here counts again
    known: dict[int, int] = field(default_factory=dict)  # code → when it is over if nothing more is heard of it
    told: dict[int, None] = field(default_factory=dict)  # codes of those that paged because they are to page at once
    unwanted: dict[int, None] = field(default_factory=dict)  # codes of those that were silenced when they last came
    beyond: int = 0  # events of those that are not even known
    beyond_ms: int = NEVER_MS  # when the last of these is over
    loud_ms: int = NEVER_MS  # when the last of these is over that was not silenced
    head: str = ""  # the one for which a page went out last
    last: str = ""  # the last that is new
    cleared_ms: int = NEVER_MS  # when those that are over were last forgotten

    @property
    def over_ms(self) -> int:
        """When all are over if nothing more is heard of them."""
        return max(self.beyond_ms, max(self.known.values(), default=NEVER_MS))

    def firing(self, now_ms: int) -> int:
        """How many of them fire, as far as they are known."""
        return sum([over_ms > now_ms for over_ms in self.known.values()])

    def is_loud(self, now_ms: int) -> bool:
        """Whether any of them fires of which people are to hear."""
        if self.loud_ms > now_ms:
            return True
        return any(over_ms > now_ms and code not in self.unwanted for code, over_ms in self.known.items())

    def tells_first(self, code: int) -> bool:
        """Whether one that is to page at once has not done so yet; from now on it has."""
        if code not in self.known or code in self.told:
            return False
        self.told[code] = None
        if len(self.told) > MOST_TOLD:  # one at least of them does not fire: it is not known
            del self.told[next(told for told in self.told if told not in self.known)]
        return True

    def hear(self, code: int, over_ms: int, now_ms: int, *, pages_now: bool, is_unwanted: bool) -> bool:
        """One fires. Whether that is news: it is new, or one of ever more that cannot even be counted."""
        is_news = self._hear(code, over_ms, now_ms, pages_now=pages_now)
        if code not in self.known:
            self.loud_ms = self.loud_ms if is_unwanted else max(self.loud_ms, over_ms)
        elif is_unwanted:
            self.unwanted[code] = None
        else:
            self.unwanted.pop(code, None)
        return is_news

    def _hear(self, code: int, over_ms: int, now_ms: int, *, pages_now: bool) -> bool:
        known_ms = self.known.get(code)
        if known_ms is not None:
            self.known[code] = max(known_ms, over_ms) if known_ms > now_ms else over_ms
            return known_ms <= now_ms
        most = 2 * MOST_KNOWN if pages_now else MOST_KNOWN
        if len(self.known) >= most and now_ms >= self.cleared_ms + _CLEARED_EVERY_MS:
            self._clear(now_ms)
        if len(self.known) < most:
            self.known[code] = over_ms
            self.alerts += 1
            return True
        self.beyond += 1
        self.beyond_ms = max(self.beyond_ms, over_ms)
        return not self.beyond & (self.beyond - 1)  # the 1st, 2nd, 4th …: a record each for so many helps nobody

    def end(self, code: int, now_ms: int) -> bool:
        """One is over, or is remembered now. Whether it was known to fire."""
        if self.known.get(code, NEVER_MS) <= now_ms:
            return False
        self.known[code] = now_ms
        return True

    def _clear(self, now_ms: int) -> None:
        self.known = {code: over_ms for code, over_ms in self.known.items() if over_ms > now_ms}
        self.unwanted = {code: None for code in self.unwanted if code in self.known}
        self.cleared_ms = now_ms
