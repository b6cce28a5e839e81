"""Training reads recorded events as a replay does, hands them over as columns, and keeps what was learned."""

import hashlib
import json
import platform
from array import array
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.history import History
from models.training import Figures, train
from pipeline.command.collection import collect_rarely
from pipeline.command.model_files import Kept, Source, write_model
from pipeline.command.recorded import with_progress
from pipeline.command.surroundings import policy_of, read_settings
from pipeline.core.clusters import key_of
from pipeline.core.describe import rfc3339
from pipeline.core.policy import Policy
from pipeline.core.template import template_of
from pipeline.errors import Misuse, Rejected
from pipeline.normalise import Raw
from pipeline.normalise.normaliser import Normaliser
from pipeline.sources import SOURCES
from schemas import Alert, Status

PACKAGES = ("numpy", "scipy", "scikit-learn", "pagesieve")


def run_train(files: Sequence[Path], source: str, policy_file: Path | None, out: Path, *, as_json: bool) -> None:
    """Learn from the files and put the model into the models folder `out`. Raises Misuse."""
    policy = policy_of(policy_file, read_settings())
    if source not in SOURCES:
        raise Misuse(f"--source {source}: there are {', '.join(SOURCES)}")
    if not files:
        raise Misuse("--history: name at least one file of recorded events")
    collect_rarely()
    reader = HistoryReader(source, policy)
    sources = [_read(path, reader) for path in files]
    if not reader.at_ms:
        others = ", ".join(name for name in SOURCES if name != source)
        raise Misuse(f"{files[0]}: nothing in it is an event as {source} writes it; --source may be {others}")
    trained = train(reader.history())
    if not trained.figures.templates:
        raise Misuse(f"{files[0]}: nothing in it fires, so there is nothing to learn")
    about = {
        "policy": policy.name,
        "history": tuple(sources),
        "first_at": rfc3339(min(reader.at_ms)),
        "last_at": rfc3339(max(reader.at_ms)),
        "figures": trained.figures._asdict(),
        "packages": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
    }
    texts = [reader.texts[key] for key in trained.model.arrays.keys.tolist()]
    _tell(write_model(out, trained.model, texts, about), trained.figures, as_json=as_json)


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
        self.texts[key] = text
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
        print(json.dumps({"version": kept.manifest.version, "path": str(kept.path), "figures": figures._asdict()}))
        return
    print(
        f"{kept.manifest.version} in {kept.path}: {figures.events} events, {figures.onsets} beginnings of "
        f"{figures.templates} templates → {figures.together} pairs that come together, {figures.directed} of them in "
        f"order, {figures.families} families of {figures.in_families}"
    )
