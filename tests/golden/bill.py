"""Several scenes on one stage: one policy and one log for all, where each decides as if it were alone.

Every alert of a scene has the label `scene`, which is a scope of its own, and what a scene's policy says becomes routes
and matchers for that label. What cannot be told by label must be equal, so scenes that differ in it play elsewhere.
"""

import json
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from pipeline.core.policy import Policy, Rule
from tests.golden.script import Scene

_OF_A_ROUTE = {field.alias or name for name, field in Rule.model_fields.items()}
_MATCHED = {"silences": ("match",), "maintenance": ("match",), "inhibit": ("source", "target")}
_BY_LABEL = _OF_A_ROUTE | {"scope", "routes", "page_now", "time_intervals", *_MATCHED}


def bills(scenes: Sequence[Scene]) -> list[list[Scene]]:
    """The scenes that can share a stage, together."""
    for scene in scenes:
        for step in scene.steps:
            assert set(step.policy or ()) <= _BY_LABEL, f"{scene.name}: only of a scene as a whole: {step.line}"
    return [list(together) for _, together in groupby(sorted(scenes, key=_common), key=_common)]


def rules_of(scenes: Sequence[Scene]) -> Callable[[Scene], Policy]:
    """The policy of all of `scenes` where one of them, by which it is asked for, stands as it is given."""
    return lambda scene: Policy.model_validate(policy_of([scene if one.name == scene.name else one for one in scenes]))


def policy_of(scenes: Sequence[Scene]) -> dict[str, Any]:
    """One policy by which each of `scenes`, which share a stage, is decided as by its own."""
    policy: dict[str, Any] = json.loads(_common(scenes[0]))
    policy["scope"] = ["scene", *sorted({label for scene in scenes for label in scene.policy.get("scope", ())})]
    for key in ("routes", "page_now", "time_intervals", *_MATCHED):
        policy[key] = []
    for scene in scenes:
        rule = {key: value for key, value in _named(scene, scene.policy).items() if key in _OF_A_ROUTE}
        for route in scene.policy.get("routes", ()):
            name, match = f"{scene.name}/{route['name']}", _only(scene, route["match"])
            policy["routes"].append({**rule, **_named(scene, route), "name": name, "match": match})
        policy["routes"].append({**rule, "name": scene.name, "match": _only(scene, [])})
        policy["page_now"] += [_only(scene, match) for match in scene.policy.get("page_now", ())]
        for interval in scene.policy.get("time_intervals", ()):
            policy["time_intervals"].append({**interval, "name": f"{scene.name}/{interval['name']}"})
        for key, fields in _MATCHED.items():
            for entry in scene.policy.get(key, ()):
                policy[key].append(_named(scene, entry) | {name: _only(scene, entry[name]) for name in fields})
    return policy


def _common(scene: Scene) -> str:
    """What holds for every alert of a log."""
    return json.dumps({key: value for key, value in scene.policy.items() if key not in _BY_LABEL}, sort_keys=True)


def _only(scene: Scene, match: str | Sequence[str]) -> list[str]:
    return [f'scene="{scene.name}"', *([match] if isinstance(match, str) else match)]


def _named(scene: Scene, part: dict[str, Any]) -> dict[str, Any]:
    """`part` with the names that its scene's time intervals have here."""
    lists = {key: part[key] for key in ("mute_during", "page_during", "during") if key in part}
    return {**part, **{key: [f"{scene.name}/{name}" for name in names] for key, names in lists.items()}}
