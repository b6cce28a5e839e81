"""The golden scenes over the real worker on Kafka and over the embedded log: out comes what the files expect."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest

from tests.golden.bill import bills, rules_of
from tests.golden.hearing import play
from tests.golden.script import SCENES, Scene
from tests.golden.telling import BEGIN_MS
from tests.integration.broker import Broker
from tests.integration.stage import Stage, on_kafka, on_the_embedded_log, perform
from tests.integration.worker import Workers

BILLS = bills(SCENES)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with closing(Workers(tmp_path)) as workers:
        yield workers


async def played(stage: AbstractAsyncContextManager[Stage], scenes: Sequence[Scene]) -> dict[str, list[str]]:
    async with stage as opened:
        found = await perform(opened, scenes)
    return {scene.name: lines for scene, lines in zip(scenes, found, strict=True)}


def expected(scenes: Sequence[Scene]) -> dict[str, list[str]]:
    return {scene.name: scene.expected for scene in scenes}


def test_no_scene_is_left_out() -> None:
    assert sorted(scene.name for bill in BILLS for scene in bill) == [scene.name for scene in SCENES]


@pytest.mark.parametrize("scenes", BILLS, ids=lambda scenes: scenes[0].name)
def test_the_scenes_of_a_stage_do_not_disturb_each_other(scenes: list[Scene]) -> None:
    rules = rules_of(scenes)
    assert {scene.name: play(scene, rules, BEGIN_MS)[1] for scene in scenes} == expected(scenes)


@pytest.mark.parametrize("scenes", BILLS, ids=lambda scenes: scenes[0].name)
def test_scenes_on_the_embedded_log(scenes: list[Scene], tmp_path: Path) -> None:
    assert asyncio.run(played(on_the_embedded_log(tmp_path, scenes), scenes)) == expected(scenes)


@pytest.mark.integration
@pytest.mark.parametrize("scenes", BILLS, ids=lambda scenes: scenes[0].name)
def test_scenes_on_kafka(session_broker: Broker, workers: Workers, scenes: list[Scene]) -> None:
    assert asyncio.run(played(on_kafka(session_broker, workers, scenes), scenes)) == expected(scenes)
