"""Random but plausible logs: few alerts, few places, times that mostly go on and sometimes go back."""

from hypothesis import strategies as st

from pipeline.core.policy import Policy
from schemas import Alerts, Change, Control, Silence, Tick
from tests.scene import alert, at, ms

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
policies = st.sampled_from([POLICY, CORRELATED])

tolds = st.builds(
    alert,
    st.sampled_from(["disk", "cpu", "net"]),
    severity=st.sampled_from(["info", "warning", "critical", "unknown"]),
    status=st.sampled_from(["firing", "firing", "resolved"]),
    source=st.sampled_from(["alertmanager", "prometheus", "ids"]),
    lease_s=st.sampled_from([None, None, -5.0, 0.0, 30.0, 500.0]),
    cluster=st.sampled_from(["eu", "us"]),
    host=st.sampled_from(["h1", "h2", "h3", "h4", "h5"]),
    env=st.sampled_from(["prod", "dev"]),
)
spoken = st.builds(
    Silence,
    id=st.sampled_from(["s1", "s2"]),
    matchers=st.sampled_from([('cluster="eu"',), ('host=~"h1|h5"',)]),
    starts_at_ms=st.just(0),
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
seconds = st.sampled_from([0, 0, 0.2, 0.4, 1, 3, 10, 39, 59, 61, 300, 900, -30])
switches = st.sampled_from([POLICY, CORRELATED, OTHER])
steps = st.tuples(seconds, st.lists(tolds, max_size=4) | spoken | made | st.just(POLICY.name) | switches)


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """A log of up to some forty records; a step without alerts is a tick, a silence, a change, or a new policy."""
    now, records = 1000.0, list[Record]()
    for later, told in draw(st.lists(steps, max_size=25)):
        now += later
        if isinstance(told, Silence):
            records.append(Control(at_ms=ms(now), silence=told))
        elif isinstance(told, Change):
            change = told.model_copy(update={"at_ms": ms(now - told.at_ms)})
            records.append(Control(at_ms=ms(now), change=change))
        elif isinstance(told, Policy):
            records.append(Control(at_ms=ms(now), policy=told.name, rules=told.content))
        elif isinstance(told, str):
            records.append(Control(at_ms=ms(now), policy=told))
        else:
            records += at(now, *told, policy=POLICY)
    return records
