"""The content of a policy, as a log or a snapshot holds it, is the whole policy, and its name tells it from others."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.core.policy import Policy
from tests.laws.events import CORRELATED, OTHER, POLICY

EXAMPLE = Path(__file__).parents[3] / "deploy" / "policy.example.yaml"


@pytest.mark.parametrize("policy", [Policy(), POLICY, CORRELATED, OTHER, Policy(gap=300, hold=5)])
def test_what_is_read_from_it_is_the_policy(policy: Policy) -> None:
    again = Policy.of_content(policy.content)
    assert (again, again.name, again.rules, again.content) == (policy, policy.name, policy.rules, policy.content)


def test_so_is_what_is_read_of_the_example() -> None:
    policy = Policy.model_validate(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))
    assert Policy.of_content(policy.content) == policy


@pytest.mark.parametrize("content", ["", "{", '{"from_the_future": 1}', '{"hold": "soon"}'])
def test_what_this_version_cannot_read_is_refused(content: str) -> None:
    with pytest.raises(ValueError, match="Policy"):
        Policy.of_content(content)


def test_a_route_that_says_the_default_differs_from_one_that_says_nothing() -> None:
    def held(**route: Any) -> Policy:
        return Policy.model_validate({"hold": "5m", "routes": [{"name": "r", "match": ["a=b"], **route}]})

    silent, says_default, says_same = held(), held(hold="0s"), held(hold="5m")
    assert silent.rules == says_same.rules != says_default.rules
    assert silent.name == says_same.name != says_default.name
