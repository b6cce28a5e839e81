"""The normaliser does what `normalise` does, and does not read again what it has read before."""

from dataclasses import dataclass

from pipeline.core.policy import Policy
from pipeline.core.scope import scope_of
from pipeline.log.entry import Entry
from pipeline.normalise import Normalised, Raw, Read, Scoped, normalise_by, read, scoped
from pipeline.sources import Claim
from pipeline.sources.webhooks import Webhooks
from schemas import Alert

WEBHOOK = "alertmanager"


class Normaliser:
    """Makes alerts of raw records, as one policy identifies them.

    What it remembers saves time and changes nothing: it finds what a new one would find.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._webhooks = Webhooks(self._new)

    def normalise(self, entry: Entry) -> Normalised:
        """What one entry of `alerts.raw` holds."""
        return normalise_by(self.read, entry)

    def read(self, raw: Raw) -> Read:
        """What a body holds. Raises Rejected if nothing of it is usable, and Misuse if there is no such source."""
        if not raw.source or raw.source == WEBHOOK:
            heard = self._webhooks.hear(raw.body)
            if heard is not None:
                return Read(self._at_their_time(heard.made, raw), [], heard.truncated)
        return read(raw, self._policy)

    def _new(self, claim: Claim) -> "_Known":
        return _Known(None, *scoped(claim, None, self._policy))

    def _at_their_time(self, known: "list[_Known]", raw: Raw) -> list[Scoped]:
        tenant, at_ms = raw.tenant, raw.received_at_ms
        if at_ms is None:
            at_ms = max([one.alert.at_ms for one in known])
        found = []
        for one in known:
            if one.tenant != tenant:
                self._give(one, tenant)
            alert = one.alert
            found.append((one.scope, alert if alert.at_ms == at_ms else alert.altered(at_ms=at_ms)))
        return found

    def _give(self, one: "_Known", tenant: str | None) -> None:
        """Remember it as this tenant's: hardly any two send the same alert."""
        one.alert = one.alert.altered(tenant=tenant)
        one.tenant, one.scope = tenant, scope_of(one.alert.labels, tenant, self._policy)


@dataclass(slots=True)
class _Known:
    """An alert of a webhook as a tenant's, at the time of its own change."""

    tenant: str | None
    scope: str
    alert: Alert
