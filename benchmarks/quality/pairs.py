"""What a model knows of pairs: do two beginnings belong to one incident? Scored on what it never saw."""

import statistics
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.quality.ait import ARRANGEMENTS, converted
from benchmarks.quality.scenes.scene import play
from benchmarks.quality.scenes.telling import canonical
from benchmarks.quality.stream import NOISE, Ints, read_stream
from benchmarks.report import Report, Row, Table
from models.history import History, onsets_of
from models.model import Model
from models.training import train
from pipeline.command.learning import HistoryReader
from pipeline.core.policy import Policy

NEAR_MS = 60_000  # pairs of beginnings within it are asked about
SCENES, OTHER_SCENES = range(1, 6), range(11, 23)
COLUMNS = ("held out", "pairs", "in one incident", "AUC of lift", "AP of lift", "family: precision", "recall")


class Labelled(NamedTuple):
    """A history, and the incident of each of its events."""

    history: History
    incident: Ints

    def only(self, places: Sequence[int]) -> "Labelled":
        """What happened in these places."""
        history = self.history
        is_thing = np.isin(history.place, places)
        thing = np.cumsum(is_thing) - 1
        is_event = is_thing[history.thing]
        part = history._replace(
            at_ms=history.at_ms[is_event],
            is_firing=history.is_firing[is_event],
            thing=thing[history.thing[is_event]].astype(np.int32),
            template=history.template[is_thing],
            place=history.place[is_thing],
            is_state=history.is_state[is_thing],
        )
        return Labelled(part, self.incident[is_event])


class Found(NamedTuple):
    """How well a model tells pairs of one place apart."""

    pairs: int
    share: float
    auc: float
    ap: float
    precision: float
    recall: float


def measure(networks: Sequence[str], *, cache: Path) -> Report:
    """Leave one network out, and learn scenes from other scenes. Raises Missing."""
    report = Report("pairs: what a model learned, on what it never saw")
    places = [(network, arrangement) for arrangement, network in product(ARRANGEMENTS, networks)]
    rows = []
    if len(networks) > 1:
        labelled = _networks(places, cache)
        found = {place: _held_out(labelled, places, place) for place in places}
        for arrangement, word in ARRANGEMENTS.items():
            of = [found[place] for place in places if place[1] == arrangement]
            rows.append(_row(f"ait-ads-a, each network in turn, attacks {word}", of))
    scenes = _scenes([*SCENES, *OTHER_SCENES])
    model = train(scenes.only(range(len(SCENES), len(SCENES) + len(OTHER_SCENES))).history).model
    of = [judged(model, scenes.only([place])) for place in range(len(SCENES))]
    rows.append(_row(f"operations, scenes {SCENES[0]} to {SCENES[-1]}", of))
    report.tables.append(
        Table("Two beginnings of different templates within 60 s, one of them in an incident", COLUMNS, rows)
    )
    report.notes.append(
        "Networks are learned from the other ones with their attacks apart; scenes from "
        f"{len(OTHER_SCENES)} others of the same fleet. The means of networks and of scenes."
    )
    return report


def _row(name: str, found: list[Found]) -> Row:
    means = [statistics.mean(values) for values in list(zip(*found, strict=True))[1:]]
    return (name, str(sum(one.pairs for one in found)), *means)


def _held_out(labelled: Labelled, places: list[tuple[str, str]], held_out: tuple[str, str]) -> Found:
    first, network = next(iter(ARRANGEMENTS)), held_out[0]
    others = [n for n, place in enumerate(places) if place[1] == first and place[0] != network]
    model = train(labelled.only(others).history).model
    return judged(model, labelled.only([places.index(held_out)]))


def _networks(places: list[tuple[str, str]], cache: Path) -> Labelled:
    reader, incidents = HistoryReader("canonical", Policy()), []
    for network, arrangement in places:
        base = converted(f"{arrangement}_{network}", cache)
        with base.with_suffix(".ndjson").open("rb") as lines:
            reader.read(lines)
        incidents.append(read_stream(base.with_suffix(".ndjson"), base.with_suffix(".truth.csv")).incident)
    return Labelled(reader.history(), np.concatenate(incidents))


def _scenes(seeds: Iterable[int]) -> Labelled:
    reader, incidents = HistoryReader("canonical", Policy()), []
    for seed in seeds:
        scene = play(seed)
        reader.read([orjson.dumps(canonical(event)) for event in scene])
        storms = sorted({event.firing.storm for event in scene})  # the background's name is empty, so the first
        incidents.append(np.array([storms.index(event.firing.storm) - 1 for event in scene], np.int64))
    return Labelled(reader.history(), np.concatenate(incidents))


def judged(model: Model, labelled: Labelled) -> Found:
    """Ask the model about every near pair."""
    one, other, is_same = _near(labelled)
    number = np.array([model.number(key) for key in labelled.history.keys.tolist()])
    family = np.array([model.family(a) for a in number.tolist()])
    lift = np.array([model.lift(a, b) for a, b in zip(number[one].tolist(), number[other].tolist(), strict=True)])
    said = (family[one] >= 0) & (family[one] == family[other])
    right = int((said & is_same).sum())
    return Found(
        len(one),
        float(is_same.mean()),
        float(roc_auc_score(is_same, lift)),
        float(average_precision_score(is_same, lift)),
        right / max(int(said.sum()), 1),
        right / max(int(is_same.sum()), 1),
    )


def _near(labelled: Labelled) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """The templates of all pairs that are asked about, and whether they are of one incident."""
    onsets = onsets_of(labelled.history)
    incident = labelled.incident[onsets.event]
    parts = []
    for ahead in range(1, len(onsets.at_ms)):
        is_near = onsets.at_ms[ahead:] - onsets.at_ms[:-ahead] <= NEAR_MS
        if not is_near.any():
            break
        one = np.flatnonzero(is_near)
        other = one + ahead
        is_asked = (onsets.template[one] != onsets.template[other]) & (
            (incident[one] != NOISE) | (incident[other] != NOISE)
        )
        one, other = one[is_asked], other[is_asked]
        parts.append((onsets.template[one], onsets.template[other], incident[one] == incident[other]))
    a, b, is_same = (np.concatenate(several) for several in zip(*parts, strict=True))
    return a, b, is_same
