"""What failed is tried again where the world may mend itself, with waits that double; what was refused never is."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from pipeline.errors import Missing, Retryable

log = structlog.get_logger(__name__)


class Later(Retryable):
    """It may succeed in a while; `after_s` is how long they asked us to wait, 0 if they did not."""

    def __init__(self, why: str, after_s: float = 0) -> None:
        super().__init__(why)
        self.after_s = after_s


@dataclass(frozen=True)
class Patience:
    """How often, how long each time, and how long between. A cron job has time, but somebody waits for the report."""

    tries: int = 5
    timeout_s: float = 15.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def persist(self, what: str, attempt: Callable[[], None]) -> None:
        """Call `attempt` until it returns. Raises Missing after the last try, and what else `attempt` raises."""
        wait_s = self.first_wait_s
        for number in range(1, self.tries + 1):
            try:
                attempt()
            except Later as exc:
                if number == self.tries:
                    raise Missing(f"{what}: {exc}; tried {number} times") from None
                pause_s = min(max(wait_s, exc.after_s), self.longest_wait_s)
                log.warning("not posted yet", to=what, why=str(exc), again_in_s=round(pause_s, 1))
                self.sleep(pause_s)
                wait_s *= 2
            else:
                return
