"""A webhook is PagerDuty's if one of the signatures in its header is the body's under one of our secrets.

`X-PagerDuty-Signature: v1=HEX,v1=HEX`: HMAC-SHA256 over the body as it came, one for each of the secrets that PagerDuty
signs with now. We know several as well, so that either side can be given a new one first.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

from pipeline.settings import Settings, secrets_in

HEADER = "X-PagerDuty-Signature"
MOST_SIGNATURES = 16  # looked at; what is more costs us no work
_VERSION = "v1="


class Secrets:
    """What PagerDuty may have signed with. Each is kept as the beginning of its HMAC, never as itself."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._begun = [hmac.new(secret.encode(), digestmod=hashlib.sha256) for secret in secrets]

    @classmethod
    def of(cls, settings: Settings) -> "Secrets":
        """The secrets that `settings` name. Raises Misuse if the file cannot be read."""
        said, file = settings.pagerduty_webhook_secrets, settings.pagerduty_webhook_secrets_file
        return cls(secrets_in(said, file, "PAGESIEVE_PAGERDUTY_WEBHOOK_SECRETS"))

    def __bool__(self) -> bool:
        return bool(self._begun)

    def have_signed(self, body: bytes, headers: Sequence[str]) -> bool:
        """Whether one of the signatures in `headers`, the values of HEADER, is right for `body`."""
        parts = [part.strip() for value in headers for part in value.split(",")]
        shown = [part.removeprefix(_VERSION).encode() for part in parts if part.startswith(_VERSION)]
        right = [_signature(begun, body) for begun in self._begun]
        # Each is compared with each, in constant time, before any counts: so the time does not tell which one fits.
        fits = [hmac.compare_digest(one, known) for known in right for one in shown[:MOST_SIGNATURES]]
        return any(fits)


def _signature(begun: hmac.HMAC, body: bytes) -> bytes:
    signing = begun.copy()
    signing.update(body)
    return signing.hexdigest().encode()
