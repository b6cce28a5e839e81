"""A topology says who is upstream, as a plain search through all of the graph says."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import topology as topology_module
from pipeline.core.policy import Policy
from pipeline.core.topology import Topology, TopologyPolicy
from pipeline.policy_file import examine
from tests.scene import alert, at, decided, play

Graph = dict[str, set[str]]
NAMES = "abcdefgh"
graphs = st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), max_size=3), max_size=8)


def topology(graph: Graph) -> Topology:
    services = [{"name": name, "depends_on": sorted(needed - {name})} for name, needed in graph.items()]
    return Topology(TopologyPolicy.model_validate({"services": services}))


def needed_by(graph: Graph, service: str) -> set[str]:
    """All that it needs, by going on until nothing new is found."""
    found: set[str] = set()
    while True:
        more = {needed for one in {service, *found} for needed in graph.get(one, set())} - {service}
        if more <= found:
            return found
        found |= more


@given(graphs)
def test_it_says_what_a_search_of_all_says(graph: Graph) -> None:
    known = topology(graph)
    for one, other in product(NAMES, NAMES):
        assert known.is_upstream(one, other) == (one in needed_by(graph, other))


@given(graphs, st.permutations(NAMES))
def test_neither_the_order_of_the_file_nor_what_it_remembers_changes_it(graph: Graph, asked: list[str]) -> None:
    other = topology({name: graph[name] for name in reversed(list(graph))})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topology_module, "MOST_REMEMBERED", 1)
        forgetful = topology(graph)
        for one, two in product(asked, asked):
            assert forgetful.is_upstream(one, two) == other.is_upstream(one, two)


def test_the_first_label_that_names_a_service_counts() -> None:
    known = topology({"checkout": {"payments"}})
    assert known.service_of({"service": "checkout", "job": "payments"}) == "checkout"
    assert known.service_of({"service": "unheard", "job": "payments"}) == "payments"
    assert known.service_of({"job": "node-exporter"}) is None


def test_of_two_callers_of_one_database_neither_is_upstream() -> None:
    known = topology({"checkout": {"postgres"}, "search": {"postgres"}})
    assert not known.is_upstream("checkout", "search")
    assert known.is_upstream("postgres", "search")


def test_the_likely_cause_is_upstream_though_it_was_told_later() -> None:
    services = [{"name": "checkout", "depends_on": ["payments"]}, {"name": "payments", "depends_on": ["postgres"]}]
    told = (
        at(0, alert("HighErrorRate", site="a", service="checkout", severity="error")),
        at(5, alert("HighErrorRate", site="a", service="payments", severity="error")),
        at(20, alert("PostgresDown", site="a", service="postgres", severity="error")),
    )
    with_it = Policy.model_validate({"group_by": ["site"], "topology": {"services": services}})
    facts = play(*told, policy=with_it)
    assert len({one.incident_id for one in decided(facts)}) == 1
    assert facts.incidents[-1].causes[0].name == "PostgresDown"
    without = play(*told, policy=Policy(group_by=("site",)))
    assert without.incidents[-1].causes[0].name == "HighErrorRate"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "- name: a\n    depend_on: [b]",
            "line 4: topology.services[0].depend_on: no such field; did you mean",
        ),
        ("- depends_on: [b]", "line 3: topology.services[0].name: is missing"),
        (
            "- name: a\n    depends_on: b",
            "line 4: topology.services[0].depends_on: write a list, like [a, b]",
        ),
        (
            "- name: a\n    depends_on: [b, a]",
            "line 4: topology.services[0].depends_on[1]: a service does not",
        ),
        ("- name: a\n    depends_on: [b, b]", "line 4: topology.services[0].depends_on[1]: b stands there twice"),
        ("- name: a\n  - name: a", "line 4: topology.services[1].name: services[0] has this name too"),
        ("- name: 5", "line 3: topology.services[0].name: write text"),
        ("- name: ''", "line 3: topology.services[0].name: "),
    ],
)
def test_what_makes_no_sense_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f"topology:\n  services:\n  {text}\n")
    policy, complaints = examine(path)
    assert policy is None
    assert str(complaints[0]).startswith(said)


def test_json_is_a_policy_too_and_the_graph_is_part_of_its_version(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('{"topology": {"services": [{"name": "a", "depends_on": ["b"]}]}}')
    policy, complaints = examine(path)
    assert complaints == []
    assert policy is not None
    assert policy.graph is not None
    assert policy.graph.is_upstream("b", "a")
    assert policy.name != Policy().name
    assert Policy().graph is None
