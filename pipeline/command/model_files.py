"""A model on disk: a folder of arrays, the templates in words, and a manifest that names and checksums all of them.

A models folder holds one such folder a version, and for each kind a file that says which one is in use. Nothing is
unpickled and nothing is believed: sizes are limited, checksums compared, and the model itself looks at every number.
There are two kinds: `m1:…` knows which alerts come together, `a1:…` what people said of them.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from models.model import FORMAT, Arrays, Model
from models.scorer import Scorer, ScorerArrays
from pipeline.core.actionability.drift import Bins
from pipeline.core.actionability.features import VERSION as FEATURES_VERSION
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.template import VERSION as TEMPLATE_VERSION
from pipeline.errors import Misuse

MANIFEST, TEMPLATES = "manifest.json", "templates.json"
logger = structlog.get_logger("pagesieve.models")
CURRENT = {"m": "current", "a": "current.actionability"}  # by kind: what a version begins with
AnyModel = Model | Scorer
MOST_BYTES = 256 * 1024 * 1024  # of a file
MOST_MANIFEST_BYTES = 1024 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(_Part):
    """A file that was learned from."""

    name: str
    bytes: int
    sha256: str
    events: int
    rejected: int


class File(_Part):
    """A file of the model."""

    bytes: int
    sha256: str


class Spread(_Part):
    """Of values that were taught with (`pipeline.core.actionability.drift.Bins`)."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


class Manifest(_Part):
    """What a model is, and what it rests on. Times are RFC 3339."""

    format: Literal[1]
    version: str
    template_version: str
    policy: str
    history: tuple[Source, ...]
    first_at: str
    last_at: str  # the model knows nothing newer
    figures: dict[str, int]
    features: str | None = None  # of a scorer: which numbers it looks at
    outcomes: tuple[Source, ...] = ()  # and what people said that it learned from
    method: str = ""
    expected: dict[str, Spread] = {}  # how the score and its features were spread, by which drift is known
    held_out: dict[str, dict[str, float]] = {}  # figures on a later time that was not learned from, of it and others
    packages: dict[str, str]
    files: dict[str, File]


class Kept(NamedTuple):
    """A model as it stands in a folder."""

    path: Path
    manifest: Manifest

    @property
    def kind(self) -> str:
        """`m` or `a`."""
        return self.manifest.version[0]


def write_model(folder: Path, model: AnyModel, templates: Sequence[str], about: dict[str, Any]) -> Kept:
    """Put it into the models folder, as a folder of its own that is there whole or not at all. Raises Misuse."""
    contents = {f"{name}.npy": _npy(array) for name, array in model.arrays._asdict().items()}
    contents[TEMPLATES] = json.dumps(list(templates), ensure_ascii=False, indent=0).encode("utf-8", "surrogatepass")
    files = {name: File(bytes=len(content), sha256=_sha256(content)) for name, content in contents.items()}
    told = about | {"format": FORMAT, "version": model.version, "template_version": TEMPLATE_VERSION, "files": files}
    manifest = Manifest.model_validate(told)
    contents[MANIFEST] = json.dumps(manifest.model_dump(), ensure_ascii=False, indent=1).encode() + b"\n"
    path = folder / _name(manifest.version)
    try:
        unfinished = folder / f".{path.name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name, content in contents.items():
            (unfinished / name).write_bytes(content)
        if path.exists():  # the same arrays, perhaps of files with other names
            shutil.rmtree(path)
        unfinished.replace(path)
    except OSError as exc:
        raise Misuse(f"{exc.filename or folder}: {exc.strerror or exc}") from None
    return Kept(path, manifest)


def read_learned(path: Path) -> Learned:
    """The model in a folder, or those in use of a models folder. Raises Misuse, naming what is wrong and where.

    All others of the folder are at hand, too: what was decided before them may have to be decided again.
    """
    nothing = NOTHING._replace(find=partial(_others, path.parent if (path / MANIFEST).exists() else path))
    if (path / MANIFEST).exists() or not any((path / name).exists() for name in CURRENT.values()):
        return _with(nothing, find(path))
    learned = nothing
    for kind in CURRENT:
        version = current_of(path, kind)
        if version is not None:
            learned = _with(learned, version_in(path, version))
    return learned


def _others(folder: Path, versions: str) -> Learned | None:
    """The models of `versions`, as `Learned.version` names them; None, and said, where one cannot be read any more."""
    learned = NOTHING
    for version in versions.split("+"):
        try:
            learned = _with(learned, version_in(folder, version))
        except Misuse as exc:
            logger.warning("a model that decided before is not at hand: others decide again what it did", why=str(exc))
            return None
    return learned


def _with(learned: Learned, kept: Kept) -> Learned:
    model = read_model(kept)
    if isinstance(model, Model):
        return learned._replace(clusters=model)
    expected = {name: Bins(one.edges, one.shares) for name, one in kept.manifest.expected.items()}
    if any(len(bins.shares) != len(bins.edges) + 1 for bins in expected.values()):
        raise _damaged(kept.path / MANIFEST, "expected: not as many shares as there are ranges")
    return learned._replace(scorer=model, expected=expected)


def read_model(kept: Kept) -> AnyModel:
    """The model in a folder. Raises Misuse, naming what is wrong and where."""
    arrays = []
    for name in (ScorerArrays if kept.kind == "a" else Arrays)._fields:
        content = _checked(kept, f"{name}.npy")
        try:
            arrays.append(np.load(io.BytesIO(content), allow_pickle=False))
        except (ValueError, EOFError) as exc:
            raise _damaged(kept.path / f"{name}.npy", str(exc)) from None
    try:
        model = Scorer(ScorerArrays(*arrays)) if kept.kind == "a" else Model(Arrays(*arrays))
    except ValueError as exc:
        raise _damaged(kept.path, str(exc)) from None
    if model.version != kept.manifest.version:
        raise _damaged(kept.path, f"its content is {model.version}, its manifest says {kept.manifest.version}")
    return model


def read_templates(kept: Kept) -> list[str]:
    """The templates in words, by their numbers. Raises Misuse."""
    try:
        found = json.loads(_checked(kept, TEMPLATES).decode("utf-8", "surrogatepass"))
    except ValueError as exc:
        raise _damaged(kept.path / TEMPLATES, str(exc)) from None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise _damaged(kept.path / TEMPLATES, "not a list of texts")
    return found


def find(path: Path) -> Kept:
    """The model in a folder, or the one in use of a models folder. Raises Misuse."""
    if (path / MANIFEST).exists():
        return _kept(path)
    for kind in CURRENT:
        version = current_of(path, kind)
        if version is not None:
            return version_in(path, version)
    if not path.is_dir():
        raise Misuse(f"model {path}: there is no such folder")
    there = ", ".join(kept.manifest.version for kept in kept_in(path))
    remedy = f"say which to use (pagesieve models use): there are {there}" if there else "pagesieve train makes one"
    raise Misuse(f"model {path}: holds no {MANIFEST}, and no model of it is in use; {remedy}")


def kept_in(folder: Path) -> list[Kept]:
    """Every model of a models folder, the one with the newest history first. Raises Misuse."""
    if not folder.is_dir():
        raise Misuse(f"{folder}: there is no such folder of models")
    paths = [path.parent for path in sorted(folder.glob(f"*/{MANIFEST}"))]
    found = [_kept(path) for path in paths if not path.name.startswith(".")]  # those are unfinished
    return sorted(found, key=lambda kept: (kept.manifest.last_at, kept.manifest.version), reverse=True)


def version_in(folder: Path, version: str) -> Kept:
    """One model of a models folder. Raises Misuse."""
    path = folder / _name(version)
    if version != version.strip("/.") or not (path / MANIFEST).exists():
        there = ", ".join(kept.manifest.version for kept in kept_in(folder)) or "none"
        raise Misuse(f"{folder}: there is no model {version}; there are {there}")
    return _kept(path)


def current_of(folder: Path, kind: str) -> str | None:
    """The version in use of a kind of model. Raises Misuse."""
    path = folder / CURRENT[kind]
    return _read(path, MOST_MANIFEST_BYTES).decode(errors="replace").strip() if path.exists() else None


def use(folder: Path, version: str) -> Kept:
    """Let whoever starts from now on with this folder take this version. Raises Misuse."""
    kept = version_in(folder, version)
    read_model(kept)  # better found here than by a worker that starts
    current = CURRENT[kept.kind]
    unfinished = folder / f".{current}.unfinished"
    try:
        unfinished.write_text(f"{version}\n")
        unfinished.replace(folder / current)
    except OSError as exc:
        raise Misuse(f"{exc.filename or folder}: {exc.strerror or exc}") from None
    return kept


def _kept(path: Path) -> Kept:
    content = _read(path / MANIFEST, MOST_MANIFEST_BYTES)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Misuse(f"model {path / MANIFEST}: no manifest of ours: {place}: {first['msg']}") from None
    if manifest.template_version != TEMPLATE_VERSION:
        raise Misuse(
            f"model {path}: learned from templates {manifest.template_version}, and these are {TEMPLATE_VERSION}; "
            "train again"
        )
    if manifest.version[:1] not in CURRENT:
        raise Misuse(f"model {path}: {manifest.version} is no kind of model of ours")
    if manifest.version[0] == "a" and manifest.features != FEATURES_VERSION:
        raise Misuse(
            f"model {path}: learned from features {manifest.features}, and these are {FEATURES_VERSION}; train again"
        )
    return Kept(path, manifest)


def _checked(kept: Kept, name: str) -> bytes:
    """The content of a file that is as the manifest says."""
    path, said = kept.path / name, kept.manifest.files.get(name)
    if said is None:
        raise _damaged(kept.path / MANIFEST, f"it does not name {name}")
    content = _read(path, MOST_BYTES)
    if len(content) != said.bytes or _sha256(content) != said.sha256:
        raise _damaged(path, "it is not the file that the manifest speaks of")
    return content


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as exc:
        raise Misuse(f"model {path}: {exc.strerror or exc}") from None
    if len(content) > most:
        raise Misuse(f"model {path}: larger than {most} bytes, so hardly one of ours")
    return content


def _damaged(path: Path, what: str) -> Misuse:
    return Misuse(f"model {path}: damaged: {what}")


def _npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _name(version: str) -> str:
    return version.replace(":", "-")  # no file of Windows may hold a colon


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
