"""Golden scenes: files that an SRE can read. Left what comes, right of the arrow what is decided and who is paged."""

import pytest

from pipeline.core.policy import Policy
from tests.golden.hearing import play
from tests.golden.script import SCENES, Scene
from tests.golden.telling import BEGIN_MS


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_scene(scene: Scene) -> None:
    _, found = play(scene, lambda one: Policy.model_validate(one.policy), BEGIN_MS)
    assert found == scene.expected


def test_there_are_scenes() -> None:
    assert len(SCENES) >= 21
