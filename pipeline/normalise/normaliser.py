"""The normaliser does what `normalise` does, and does not read again what it has read before."""

from collections.abc import Sequence

from pipeline.core.policy import Policy
from pipeline.core.scope import scope_of
from pipeline.errors import Rejected
from pipeline.log.entry import Entry
from pipeline.normalise import Normalised, Raw, Read, Scoped, normalise, normalise_by, read, scoped, time_of
from pipeline.normalise.known import Body, Known, Part, Told, normalised, parts_of
from pipeline.sources import Claim
from pipeline.sources.webhooks import Webhooks

WEBHOOK = "alertmanager"


class Normaliser:
    """Makes alerts of raw records, as one policy identifies them.

    What it remembers saves time and changes nothing: it finds what a new one would find.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._webhooks = Webhooks(self._new, Body)

    def normalise(self, entry: Entry) -> Normalised:
        """What one entry of `alerts.raw` holds."""
        return normalise_by(self.read, entry)

    def normalise_each(self, entries: Sequence[Entry]) -> list[Normalised]:
        """What each of `entries` holds: webhooks all at once."""
        told = [self._told(entry) for entry in entries]
        webhooks = iter(normalised([one for one in told if one is not None]))
        return [
            normalise(entry, self._policy) if one is None else next(webhooks)
            for entry, one in zip(entries, told, strict=True)
        ]

    def read(self, raw: Raw) -> Read:
        """What a body holds. Raises Rejected if nothing of it is usable, and Misuse if there is no such source."""
        if not raw.source or raw.source == WEBHOOK:
            body = self._webhooks.hear(raw.body)
            if body is not None:
                return Read(self._at_their_time(body.known, raw), [], body.truncated)
        return read(raw, self._policy)

    def _told(self, entry: Entry) -> Told | None:
        """The entry as a webhook, or None where it has to be read whole."""
        headers = entry.headers
        source = headers.get("source")
        if source and source != WEBHOOK:
            return None
        body = self._webhooks.hear(entry.value)
        if body is None:
            return None
        try:
            at_ms = time_of(entry)
        except Rejected:
            return None
        parts, tenant = body.parts, headers.get("tenant")
        if parts is None or body.tenant != tenant:
            parts = self._parts(body, tenant)
        return Told(entry.partition, entry.offset, at_ms, parts, body.truncated)

    def _parts(self, body: Body, tenant: str | None) -> list[Part]:
        for one in body.known:
            if one.tenant != tenant:
                self._give(one, tenant)
        body.tenant, body.parts = tenant, parts_of(body.known)
        return body.parts

    def _new(self, claim: Claim) -> Known:
        return Known(None, *scoped(claim, None, self._policy))

    def _at_their_time(self, known: list[Known], raw: Raw) -> list[Scoped]:
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

    def _give(self, one: Known, tenant: str | None) -> None:
        """Remember it as this tenant's: hardly any two send the same alert."""
        one.alert = one.alert.altered(tenant=tenant)
        one.tenant, one.scope = tenant, scope_of(one.alert.labels, tenant, self._policy)
        one.json = None
