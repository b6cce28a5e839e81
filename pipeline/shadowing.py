"""`pipeline`, `models` and `schemas` are common names: pagesieve does not run on another's code under them.

What can be found: a folder that stands before ours on the path (PYTHONPATH, `python -m` in a folder of one's own), and
a distribution that was installed over ours, which pip does silently. What cannot: a foreign `pipeline` before ours, for
then this file is not even read. The start imports nothing but the standard library until `check` has passed.
"""

import base64
import hashlib
import importlib.metadata
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import Missing

PACKAGES = ("pipeline", "models", "schemas")
OURSELVES = "pagesieve"
OWN_ROOM = "give pagesieve a virtual environment of its own"


def check() -> None:
    """Return if the packages are those beside this file, as installed. Raises Missing, naming whose they are."""
    root = Path(__file__).resolve().parents[1]
    for package in PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise Missing(f"pagesieve's package {package!r} is not in {root}: install pagesieve again")
        found = Path(spec.origin).resolve()
        if found != root / package / "__init__.py":
            raise Missing(f"{found} stands before pagesieve's own {package!r}; {_remedy(found)}")
    for path in _replaced(root):
        if owner := _owner(path):
            raise Missing(f"{path} was overwritten by {owner}: {OWN_ROOM}")
        if not path.exists():
            raise Missing(f"{path} of pagesieve is gone: install pagesieve again")


def _remedy(path: Path) -> str:
    owner = _owner(path)
    if owner:
        return f"it belongs to {owner}: {OWN_ROOM}"
    return "it belongs to no distribution: run `pagesieve` (not `python -m`) from another folder, without PYTHONPATH"


def _replaced(root: Path) -> Iterator[Path]:
    """Installed files of ours that are gone or not what was installed. An editable installation has none."""
    try:
        files = importlib.metadata.distribution(OURSELVES).files or []
    except importlib.metadata.PackageNotFoundError:
        return  # run from the source tree
    for file in files:
        if file.hash is None or file.hash.mode != "sha256" or file.parts[0] not in PACKAGES:
            continue
        path = Path(str(file.locate())).resolve()
        if path.is_relative_to(root) and _digest(path) != file.hash.value:
            yield path


def _digest(path: Path) -> str | None:
    """The content's SHA-256 as wheels write it."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _owner(path: Path) -> str | None:
    """The other distribution that says `path` is its own. Reads every RECORD, so only asked when something is wrong."""
    for distribution in importlib.metadata.distributions():
        if distribution.name == OURSELVES:
            continue
        for file in distribution.files or []:
            if file.name == path.name and Path(str(file.locate())).resolve() == path:
                return f"the distribution {distribution.name} {distribution.version}"
    return None
