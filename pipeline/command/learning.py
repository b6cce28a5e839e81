"""Training reads recorded events as a replay does, hands them over as columns, and keeps what was learned."""

import hashlib
import json
import platform
from array import array
from collections.abc import Iterable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from models.history import History
from models.training import Figures, train
from pipeline.command.collection import collect_rarely
from pipeline.command.judged import Rules, Said, read_said
from pipeline.command.model_files import Kept, Source, write_model
from pipeline.command.recorded import no_event_in, with_progress
from pipeline.command.surroundings import policy_of, read_settings
from pipeline.command.teaching import Lesson, expected, in_use, learn, sentences, told
from pipeline.core.actionability.features import VERSION as FEATURES_VERSION
from pipeline.core.clusters import key_of
from pipeline.core.learned import NOTHING
from pipeline.core.policy import Policy
from pipeline.core.template import template_of
from pipeline.core.timestamp import rfc3339
from pipeline.errors import Misuse, Rejected
from pipeline.normalise import Raw
from pipeline.normalise.normaliser import Normaliser
from pipeline.sources import SOURCES
from schemas import Alert, Status

PACKAGES = ("numpy", "scipy", "scikit-learn", "pagesieve")


class Given(NamedTuple):
    """What there is to learn from."""

    history: tuple[Path, ...]
    outcomes: tuple[Path, ...]
    source: str
    policy_file: Path | None


def run_train(given: Given, out: Path, *, as_json: bool) -> None:
    """Learn from the files and put what was learned into the models folder `out`. Raises Misuse."""
    said = read_said(given.outcomes) if given.outcomes else None
    reader, sources, policy = _heard(given)
    trained = train(reader.history())
    if not trained.figures.templates:
        raise Misuse(f"{given.history[0]}: nothing in it fires, so there is nothing to learn")
    about = _about(reader, sources, policy)
    texts = [reader.texts[key] for key in trained.model.arrays.keys.tolist()]
    kept = write_model(out, trained.model, texts, about | {"figures": trained.figures._asdict()})
    if said is None:
        _tell(kept, trained.figures, as_json=as_json)
        return
    lesson = _lesson(given, said, (reader, policy), out)
    scorer = lesson.taught.scorer
    about |= {
        "figures": {"events": len(reader.at_ms), "outcomes": sum(map(len, said.outcomes.values()))}
        | {name: count for name, count in told(lesson).items() if type(count) is int},
        "features": FEATURES_VERSION,
        "outcomes": tuple(_source_of(path) for path in given.outcomes),
        "method": lesson.taught.method,
        "expected": expected(lesson),
        "held_out": lesson.held.figures(),
        "last_at": rfc3339(scorer.trained_at_ms),
    }
    taught = write_model(out, scorer, [reader.texts[key] for key in scorer.arrays.keys.tolist()], about)
    if as_json:
        both = _named(kept) | {"figures": trained.figures._asdict(), "scorer": _named(taught) | told(lesson)}
        print(json.dumps(both))
        return
    _tell(kept, trained.figures, as_json=False)
    print("\n".join([f"{taught.manifest.version} in {taught.path}:", *sentences(lesson)]))


def run_evaluate(given: Given, folder: Path | None, *, as_json: bool) -> None:
    """Say how good a model that is taught from the files is on a later time, and keep nothing. Raises Misuse."""
    said = read_said(given.outcomes)
    reader, _, policy = _heard(given)
    lesson = _lesson(given, said, (reader, policy), folder or read_settings().model)
    if as_json:
        print(json.dumps(told(lesson) | {"reliability": lesson.held.reliability() if lesson.held.scores else []}))
    else:
        print("\n".join(sentences(lesson)))


def _lesson(given: Given, said: Said, heard: tuple["HistoryReader", Policy], folder: Path | None) -> Lesson:
    reader, policy = heard
    rules = Rules(given.source, policy, NOTHING if folder is None else in_use(folder))
    return learn(given.history, rules, said, reader.template_by_fingerprint)


def _heard(given: Given) -> tuple["HistoryReader", list[Source], Policy]:
    """Raises Misuse."""
    policy, source, files = policy_of(given.policy_file, read_settings()), given.source, given.history
    if source not in SOURCES:
        raise Misuse(f"--source {source}: there are {', '.join(SOURCES)}")
    if not files:
        raise Misuse("--history: name at least one file of recorded events")
    collect_rarely()
    reader = HistoryReader(source, policy)
    sources = [_read(path, reader) for path in files]
    if not reader.at_ms:
        raise no_event_in(files[0], source)
    return reader, sources, policy


def _about(reader: "HistoryReader", sources: list[Source], policy: Policy) -> dict[str, Any]:
    return {
        "policy": policy.name,
        "history": tuple(sources),
        "first_at": rfc3339(min(reader.at_ms)),
        "last_at": rfc3339(max(reader.at_ms)),
        "packages": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
    }


def _read(path: Path, reader: "HistoryReader") -> Source:
    """Raises Misuse."""
    try:
        with ExitStack() as opened:
            raw = opened.enter_context(path.open("rb", buffering=0))
            sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
            size = raw.seek(0, 2)
            raw.seek(0)
            counted = reader.read(with_progress(raw, path, opened))
    except OSError as exc:
        raise Misuse(f"{exc.filename or path}: {exc.strerror or exc}") from None
    return Source(name=path.name, bytes=size, sha256=sha256, events=counted.events, rejected=counted.rejected)


def _source_of(path: Path) -> Source:
    """Of a file of outcomes, which was read already."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return Source(name=path.name, bytes=len(content), sha256=sha256, events=len(content.splitlines()), rejected=0)


class Counted(NamedTuple):
    """What a file held."""

    events: int
    rejected: int


class HistoryReader:
    """Makes columns of recorded events: each file is a time line of its own for every scope in it."""

    def __init__(self, source: str, policy: Policy) -> None:
        self._source = source
        self._normaliser = Normaliser(policy)
        self._files = 0
        self._things: dict[tuple[int, str], int] = {}  # by place and fingerprint
        self._places: dict[tuple[int, str], int] = {}  # by file and scope
        self._templates: dict[int, int] = {}
        self._sources: dict[str, int] = {}
        self._says_resolved: set[int] = set()
        self._template, self._place, self._thing_source = array("i"), array("i"), array("i")
        self._thing, self._is_firing = array("i"), bytearray()
        self.at_ms = array("q")
        self.texts: dict[int, str] = {}
        self.template_by_fingerprint: dict[str, int] = {}

    def read(self, lines: Iterable[bytes]) -> Counted:
        """All events of one file. Raises Misuse if there is no such source."""
        before, rejected = len(self.at_ms), 0
        for line in lines:
            if not line or line.isspace():
                continue
            try:
                read = self._normaliser.read(Raw(line, self._source, None))
            except Rejected:
                rejected += 1
                continue
            rejected += len(read.rejected)
            for scope, alert in read.alerts:
                self._hear(scope, alert)
        self._files += 1
        return Counted(len(self.at_ms) - before, rejected)

    def _hear(self, scope: str, alert: Alert) -> None:
        place = self._places.setdefault((self._files, scope), len(self._places))
        thing = self._things.get((place, alert.fingerprint))
        if thing is None:
            thing = self._things[place, alert.fingerprint] = len(self._things)
            self._meet(place, alert)
        is_firing = alert.status is Status.FIRING
        if alert.is_state or not is_firing:
            self._says_resolved.add(self._thing_source[thing])
        self.at_ms.append(alert.at_ms)
        self._thing.append(thing)
        self._is_firing.append(is_firing)

    def _meet(self, place: int, alert: Alert) -> None:
        """Note what does not change of a thing."""
        text = template_of(alert)
        key = key_of(text)
        self.texts[key] = self.texts.get(key, text)
        self.template_by_fingerprint[alert.fingerprint] = key
        self._template.append(self._templates.setdefault(key, len(self._templates)))
        self._place.append(place)
        self._thing_source.append(self._sources.setdefault(alert.source, len(self._sources)))

    def history(self) -> History:
        """All that was read."""
        is_state = np.zeros(len(self._sources), np.bool_)
        is_state[list(self._says_resolved)] = True
        return History(
            np.frombuffer(self.at_ms, np.int64),
            np.frombuffer(self._is_firing, np.bool_),
            np.frombuffer(self._thing, np.int32),
            np.frombuffer(self._template, np.int32),
            np.frombuffer(self._place, np.int32),
            is_state[np.frombuffer(self._thing_source, np.int32)],
            np.fromiter(self._templates, np.uint64, len(self._templates)),
        )


def _tell(kept: Kept, figures: Figures, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_named(kept) | {"figures": figures._asdict()}))
        return
    print(
        f"{kept.manifest.version} in {kept.path}: {figures.events} events, {figures.onsets} beginnings of "
        f"{figures.templates} templates → {figures.together} pairs that come together, {figures.directed} of them in "
        f"order, {figures.families} families of {figures.in_families}"
    )


def _named(kept: Kept) -> dict[str, Any]:
    return {"version": kept.manifest.version, "path": str(kept.path)}
