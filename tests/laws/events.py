"""Random but plausible logs: few alerts, few places, times that mostly go on and sometimes go back."""

from collections.abc import Sequence

from hypothesis import strategies as st

from pipeline.core.policy import Policy
from schemas import Alerts, Tick
from tests.scene import Told, alert, at

POLICY = Policy(scope=("env",), group_by=("cluster",), gap=60, max_age=200, resolve_after=20, expire_after=400)

tolds = st.builds(
    alert,
    st.sampled_from(["disk", "cpu", "net"]),
    severity=st.sampled_from(["info", "warning", "critical", "unknown"]),
    status=st.sampled_from(["firing", "firing", "resolved"]),
    source=st.sampled_from(["alertmanager", "prometheus", "ids"]),
    lease_s=st.sampled_from([None, None, -5.0, 0.0, 30.0, 500.0]),
    cluster=st.sampled_from(["eu", "us"]),
    env=st.sampled_from(["prod", "dev"]),
)
steps = st.tuples(st.sampled_from([0, 0, 1, 10, 59, 61, 300, 900, -30]), st.lists(tolds, max_size=4))


@st.composite
def logs(draw: st.DrawFn) -> list[Alerts | Tick]:
    """A log of up to some forty records; an empty step is a tick."""
    now, records = 1000.0, list[Alerts | Tick]()
    for seconds, told in draw(st.lists(steps, max_size=25)):
        now += seconds
        records += at_once(now, told)
    return records


def at_once(now: float, told: Sequence[Told]) -> list[Alerts | Tick]:
    """One raw record under the laws' policy."""
    return at(now, *told, policy=POLICY)
