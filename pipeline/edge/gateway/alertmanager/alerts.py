"""Open incidents as Alertmanager's alerts and groups: a member that fires is an alert, an incident is a group."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.core.facets import facets
from pipeline.core.matcher import Matcher, all_match, parse_matcher
from pipeline.core.timestamp import rfc3339
from pipeline.edge.gateway.alertmanager.board import Listed
from pipeline.edge.gateway.alertmanager.shapes import AlertGroup, AlertStatus, GettableAlert, Receiver
from pipeline.edge.gateway.alertmanager.silences import state_of
from pipeline.errors import Rejected
from schemas import Incident, Member, Reason
from schemas import Status as AlertState

DEFAULT = "default"  # who is paged for an alert without a team
_TRUE = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})  # as go-openapi's
_QUIET = frozenset({Reason.SILENCED, Reason.MUTED, Reason.INHIBITED})


@dataclass(frozen=True)
class Wanted:
    """Which alerts a client asks for."""

    filters: tuple[Matcher, ...] = ()
    receiver: Matcher | None = None
    active: bool = True
    silenced: bool = True
    inhibited: bool = True

    @classmethod
    def of(cls, query: Mapping[str, str], filters: Sequence[str]) -> "Wanted":
        """As the query says. Raises Rejected."""
        pattern = query.get("receiver")
        try:
            receiver = Matcher("receiver", "=~", pattern) if pattern is not None else None
        except ValueError as exc:
            raise Rejected(f"failed to parse receiver param: {exc}") from None
        flags = {name: query.get(name, "true").lower() in _TRUE for name in ("active", "silenced", "inhibited")}
        return cls(read_filters(filters), receiver, **flags)

    def has(self, alert: GettableAlert) -> bool:
        """Whether the client asks for this one."""
        if alert.status.state == "active":
            is_asked_for = self.active
        else:  # what no silence names is inhibited, or muted by the time, which this API does not tell apart
            is_asked_for = self.silenced if alert.status.silenced_by else self.inhibited
        return is_asked_for and all_match(self.filters, alert.labels)


def read_filters(filters: Sequence[str]) -> tuple[Matcher, ...]:
    """The matchers of a query, one each. Raises Rejected."""
    try:
        return tuple(parse_matcher(text) for text in filters)
    except ValueError as exc:
        raise Rejected(f"bad matcher format: {exc}") from None


def groups(incidents: Iterable[Incident], silences: Sequence[Listed], wanted: Wanted, now_ms: int) -> list[AlertGroup]:
    """The incidents that have an alert as wanted, by their labels."""
    holding = [one for one in silences if state_of(one.silence, now_ms) == "active"]
    found = [group for incident in incidents if (group := _group(incident, holding, wanted)).alerts]
    return sorted(found, key=lambda group: (sorted(group.labels.items()), group.receiver.name))


def alerts(found: Iterable[AlertGroup]) -> list[GettableAlert]:
    """The alerts of all groups, by fingerprint."""
    return sorted((alert for group in found for alert in group.alerts), key=lambda alert: alert.fingerprint)


def receivers(incidents: Iterable[Incident]) -> list[Receiver]:
    """Who may be paged, as far as open incidents tell."""
    teams = {incident.team for incident in incidents if incident.team}
    return [Receiver(name=name) for name in sorted({DEFAULT, *teams})]


def _group(incident: Incident, holding: Sequence[Listed], wanted: Wanted) -> AlertGroup:
    receiver = Receiver(name=incident.team or DEFAULT)
    is_wanted = wanted.receiver is None or wanted.receiver.matches({"receiver": receiver.name})
    found = _firing(incident, receiver, holding) if is_wanted else ()
    return AlertGroup(alerts=[alert for alert in found if wanted.has(alert)], labels=incident.group, receiver=receiver)


def _firing(incident: Incident, receiver: Receiver, holding: Sequence[Listed]) -> Iterator[GettableAlert]:
    for member in incident.members:
        if member.status is AlertState.FIRING:
            yield _alert(member, incident, receiver, holding)


def _alert(member: Member, incident: Incident, receiver: Receiver, holding: Sequence[Listed]) -> GettableAlert:
    labels = dict(facets(member))  # what silences see of it is what people see
    silenced_by = tuple(one.silence.id for one in holding if all_match(one.matchers, labels))
    is_quiet = bool(silenced_by) or incident.quiet in _QUIET
    return GettableAlert(
        annotations={"summary": member.summary} if member.summary else {},
        fingerprint=member.fingerprint.rpartition(":")[2],
        receivers=[receiver],
        starts_at=rfc3339(member.starts_at_ms),
        status=AlertStatus(silenced_by=silenced_by, state="suppressed" if is_quiet else "active"),
        updated_at=rfc3339(incident.updated_at_ms),
        generator_url=member.url,
        labels=labels,
    )
