"""Random but plausible logs: few alerts, few places, times that mostly go on and sometimes go back."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from pipeline.core.fingerprint import incident_id
from pipeline.core.policy import Policy
from schemas import Alerts, Change, Control, Outcome, Silence, Status, Tick, Verdict
from tests.scene import Told, alert, at, ms

Record = Alerts | Tick | Control

_FIELDS = {
    "scope": ["env"],
    "group_by": ["cluster"],
    "gap": 60,
    "max_age": 200,
    "resolve_after": 20,
    "expire_after": 400,
    "reopen_within": 100,
    "repeat_after": 250,
    "page_now": [['cluster="us"', 'host="h1"']],
    "routes": [
        {"name": "held", "match": ['host="h2"'], "hold": 40},
        {"name": "many", "match": ['host="h3"'], "at_least": 2},
        {"name": "muted", "match": ['host="h4"'], "mute_during": ["odd"]},
    ],
    # The logs begin on 2023-11-14 at 22:30 UTC and last minutes to hours.
    "time_intervals": [{"name": "odd", "time_intervals": [{"times": [{"start_time": "22:00", "end_time": "22:40"}]}]}],
    "inhibit": [{"source": ['host="h1"'], "target": ['host=~"h[23]"'], "equal": ["cluster"]}],
    "flapping": {"half_life": 120},
    "storm": {"floor": 6, "window": 10},
    "max_live_alerts": 12,
    "max_listed": 3,
    "change_window": 150,
}
POLICY = Policy.model_validate(_FIELDS)
CORRELATED = Policy.model_validate(_FIELDS | {"group_by": None})
# What another says of each kind of rule, so that a switch in the middle of a log has something to change.
OTHER = Policy.model_validate(
    _FIELDS
    | {
        "hold": 30,
        "routes": [{"name": "many", "match": ['host="h2"'], "at_least": 2}, {"name": "long", "match": ['host="h3"']}],
        "silences": [{"match": ['host="h4"']}],
        "inhibit": [],
        "change_window": 10,
        "max_live_alerts": 7,
    }
)
UNSCORED = Policy.model_validate(_FIELDS | {"suppress": "off"})
# What scores low is kept quiet, as soon as the guardrails let it, and these are near.
_DOUBTING = {
    "suppress": "on",
    "page_above": 0.2,
    "guardrails": {"watched": 1, "max_hold": 45, "grows_to": 3, "budget": 2, "always": [['host="h5"', 'env="dev"']]},
}
DOUBTING = Policy.model_validate(_FIELDS | _DOUBTING)
DOUBTING_CORRELATED = Policy.model_validate(_FIELDS | _DOUBTING | {"group_by": None})
HOLDING = Policy.model_validate(_FIELDS | {"hold": "auto", "hold_critical": True, "guardrails": {"watched": 1}})
# As soon as two begin to page at once, as where a silence ends, they go on as one.
GATHERING = Policy.model_validate(_FIELDS | {"group_by": None, "storm": {"floor": 2, "window": 1}, "hold": 30})
policies = st.sampled_from([POLICY, CORRELATED, DOUBTING, DOUBTING_CORRELATED, HOLDING, GATHERING])

tolds = st.builds(
    alert,
    st.sampled_from(["disk", "disk", "disk", "cpu", "net"]),  # mostly the same alerts, so that much happens to each
    severity=st.sampled_from(["info", "warning", "critical", "unknown"]),
    status=st.sampled_from(["firing", "firing", "resolved"]),
    source=st.sampled_from(["alertmanager", "prometheus", "ids"]),
    lease_s=st.sampled_from([None, None, -5.0, 0.0, 30.0, 500.0]),
    # Before the event, until it has a time; of an end, which most often is now, before or after what began then.
    began_s=st.sampled_from([None, None, 0.0, 15.0, 100.0, 1000.0, -20.0]),
    ended_s=st.sampled_from([None, None, 0.0, 10.0, 90.0, 2000.0, -15.0]),
    cluster=st.sampled_from(["eu", "eu", "eu", "us"]),
    host=st.sampled_from(["h1", "h1", "h1", "h2", "h3", "h4", "h5"]),
    env=st.sampled_from(["prod", "prod", "prod", "dev"]),
)
spoken = st.builds(
    Silence,
    id=st.sampled_from(["s1", "s2"]),
    matchers=st.sampled_from([('cluster="eu"',), ('host=~"h1|h5"',), ('env="prod"',)]),
    starts_at_ms=st.sampled_from([0, 0, 1_700_001_030_000, 1_700_001_090_000]),
    ends_at_ms=st.sampled_from([0, 1_700_001_060_000, 1_700_001_500_000]),
    created_by=st.just("ann"),
    comment=st.just(""),
    updated_at_ms=st.just(0),
)
made = st.builds(
    Change,
    id=st.sampled_from(["chg1:a", "chg1:b", "chg1:c"]),
    at_ms=st.sampled_from([0, 30, 200, 5000]),  # seconds before it is told
    summary=st.just("deploy"),
    labels=st.sampled_from([{"host": "h1"}, {"cluster": "eu"}, {"service": "h1"}, {"host": "h2", "env": "dev"}]),
)
# A pair of monitors tells of the same a moment apart, each with a beginning of its own: how much later the second does.
twins = st.tuples(st.lists(tolds, min_size=1, max_size=2), st.sampled_from([0.0, 0.3, 15.0, 70.0]))
# A Prometheus whose clock is behind renews a lease that looks like an end, so often.
behind = st.tuples(st.sampled_from(["h1", "h2", "h3", "h5"]), st.integers(2, 5))
# Somebody acknowledges (or says of) the incident that one of the alerts so far opened, if it did.
said = st.tuples(
    st.integers(0, 30),
    st.sampled_from([Verdict.ACKNOWLEDGED, Verdict.ACKNOWLEDGED, Verdict.UNACKNOWLEDGED, Verdict.NOT_ACTIONABLE]),
)
seconds = st.sampled_from([0, 0, 0.2, 0.4, 1, 1, 3, 3, 10, 10, 21, 39, 59, 61, 300, 900, -30])
switches = st.sampled_from([POLICY, CORRELATED, OTHER])
# A branch that is named twice counts once, so a number chooses: mostly alerts come.
several = st.lists(tolds, min_size=1, max_size=4)
others: list[st.SearchStrategy[Any]] = [
    st.just([]),
    twins,
    twins,
    behind,
    spoken,
    made,
    said,
    said,
    st.just(POLICY.name),
    switches,
]
steps = st.tuples(seconds, st.integers(0, 20).flatmap(lambda nth: others[nth] if nth < len(others) else several))


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """A log of up to some forty records; a step without alerts is a tick, or what somebody says: see `_said`."""
    now, records = 1000.0, list[Record]()
    for later, told in draw(st.lists(steps, max_size=25)):
        now += later
        if isinstance(told, list):
            records += _heard(now, told)
        elif isinstance(told, tuple) and isinstance(told[0], list):
            several, apart = told
            records += _heard(now, several)
            now += apart
            records += _heard(now, [one._replace(began_s=(one.began_s or 0.0) + apart / 2) for one in several])
        elif isinstance(told, tuple) and isinstance(told[0], str):
            host, times = told
            slow = alert("up", status="resolved", source="prometheus", cluster="eu", host=host, env="prod", began_s=500)
            for nth in range(times):
                records += _heard(now, [slow._replace(began_s=500.0 + 60 * nth, ended_s=90.0)])
                now += 60
        else:
            records += _said(now, told, records)
    return records


def _heard(now: float, several: list[Told]) -> Sequence[Record]:
    return at(
        now,
        *(
            one._replace(
                began_s=None if one.began_s is None else now - one.began_s,
                ended_s=None if one.ended_s is None else now - one.ended_s,
            )
            for one in several
        ),
        policy=POLICY,
    )


def _said(
    now: float, told: Silence | Change | Policy | str | tuple[int, Verdict], records: list[Record]
) -> list[Record]:
    """A silence, a change, a new policy, or what somebody did about an incident."""
    if isinstance(told, Silence):
        return [Control(at_ms=ms(now), silence=told)]
    if isinstance(told, Change):
        change = told.model_copy(update={"at_ms": ms(now - told.at_ms)})
        return [Control(at_ms=ms(now), change=change)]
    if isinstance(told, Policy):
        return [Control(at_ms=ms(now), policy=told.name, rules=told.content)]
    if isinstance(told, str):
        return [Control(at_ms=ms(now), policy=told)]
    number, verdict = told
    fired = [
        incident_id(record.scope, one.fingerprint, one.at_ms, 0)
        for record in records
        if isinstance(record, Alerts)
        for one in record.alerts
        if one.status is Status.FIRING
    ]
    if not fired:
        return [Tick(at_ms=ms(now))]
    about = fired[number % len(fired)]
    return [
        Control(at_ms=ms(now), outcome=Outcome(incident_id=about, verdict=verdict, by="ann", via="web", at_ms=ms(now)))
    ]
