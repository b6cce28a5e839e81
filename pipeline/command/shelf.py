"""The models that are there: which, what each learned from and what, and which of them is in use."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from models.model import Model
from models.scorer import Scorer
from pipeline.command.held_out import meaningful, table
from pipeline.command.model_files import (
    CURRENT,
    Kept,
    current_of,
    find,
    kept_in,
    read_model,
    read_templates,
    use,
    version_in,
)
from pipeline.command.promotion import refusal
from pipeline.command.surroundings import read_settings
from pipeline.errors import Misuse

MOST_SHOWN = 10  # pairs


def run_list(folder: Path | None, *, as_json: bool) -> None:
    """Print a line a model. Raises Misuse."""
    path = _folder(folder)
    models = kept_in(path)
    current = {current_of(path, kind) for kind in CURRENT}
    if as_json:
        told = [_told(kept) | {"in_use": kept.manifest.version in current} for kept in models]
        print(json.dumps({"models": told}))
        return
    for kept in models:
        mark = "*" if kept.manifest.version in current else " "
        print(f"{mark} {_line(kept)}")
    if not models:
        print(f"no model is in {path}; `pagesieve train --history FILE --out {path}` makes one")


def run_show(version: str | None, folder: Path | None, *, as_json: bool) -> None:
    """Print what one model rests on, and its clearest pairs. Raises Misuse."""
    path = _folder(folder)
    kept = find(path) if version is None else version_in(path, version)
    manifest, model, templates = kept.manifest, read_model(kept), read_templates(kept)
    is_scorer = isinstance(model, Scorer)
    pairs = _clearest(model, templates) if isinstance(model, Model) else []
    leans = _leans(model, templates) if isinstance(model, Scorer) else []
    if as_json:
        found = {"leans": leans} if is_scorer else {"clearest": pairs}
        print(
            json.dumps(
                manifest.model_dump() | {"held_out": meaningful(manifest.held_out), "path": str(kept.path)} | found
            )
        )
        return
    print(_line(kept))
    for file in manifest.history:
        print(f"  {file.name}: {file.events} events, {file.rejected} rejected; sha256 {file.sha256[:12]}…")
    print("  " + ", ".join(f"{name} {count}" for name, count in manifest.figures.items()))
    print("  by " + ", ".join(f"{name} {number}" for name, number in manifest.packages.items()))
    for pair in pairs:
        then = "then" if pair["leads"] else "with"
        print(f"  {pair['lift']:8.1f}x  {pair['first']} {then} {pair['second']} ({pair['together']} times)")
    for one in leans:
        print(f"  {one['lean']:+8.2f}  {one['template']}")
    for line in table(manifest.held_out) if "model" in manifest.held_out else ():
        print(f"  {line}")


def run_use(version: str, folder: Path | None, *, is_anyway: bool, as_json: bool) -> int:
    """Point `current` at it; 1 where it is refused, since it would lose more than what is in use. Raises Misuse."""
    path = _folder(folder)
    kept = version_in(path, version)
    before = current_of(path, kept.kind)
    if kept.kind == "a" and not is_anyway and before != version:
        why = refusal(kept.manifest.held_out, before)
        if why is not None:
            print(json.dumps({"refused": why}) if as_json else f"{version} is not used: {why} (--anyway uses it)")
            return 1
    use(path, version)
    if as_json:
        print(json.dumps({"in_use": kept.manifest.version, "before": before}))
    else:
        print(f"{kept.manifest.version} is in use by whoever starts from now on (before: {before or 'none'})")
    return 0


def _folder(option: Path | None) -> Path:
    """Raises Misuse."""
    folder = option or read_settings().model
    if folder is None:
        raise Misuse("--dir: say where the models are, or set PAGESIEVE_MODEL")
    return folder


def _line(kept: Kept) -> str:
    manifest = kept.manifest
    return f"{manifest.version}  {manifest.first_at} to {manifest.last_at}  {manifest.figures['events']} events"


def _told(kept: Kept) -> dict[str, object]:
    manifest = kept.manifest
    span = {"first_at": manifest.first_at, "last_at": manifest.last_at}
    return {"version": manifest.version, "path": str(kept.path)} | span | {"figures": manifest.figures}


def _leans(model: Scorer, templates: list[str]) -> list[dict[str, Any]]:
    """The templates of which people said most, in words, with the log-odds that this adds."""
    lean = model.arrays.lean
    most = np.argsort(-np.abs(lean), kind="stable")[:MOST_SHOWN]
    return [{"template": templates[one], "lean": round(float(lean[one]), 3)} for one in most.tolist()]


def _clearest(model: Model, templates: list[str]) -> list[dict[str, Any]]:
    """The pairs of different templates with the highest lift, in words, the one that begins first in front."""
    arrays = model.arrays
    pairs = np.flatnonzero(arrays.pair_a != arrays.pair_b)
    best = pairs[np.argsort(-arrays.lift[pairs], kind="stable")][:MOST_SHOWN]
    found = []
    for pair in best.tolist():
        a, b, leads = int(arrays.pair_a[pair]), int(arrays.pair_b[pair]), float(arrays.leads[pair])
        first, second = (a, b) if leads >= 0 else (b, a)
        lift, together = round(float(arrays.lift[pair]), 3), int(arrays.together[pair])
        told = {"first": templates[first], "second": templates[second], "lift": lift, "together": together}
        found.append(told | {"leads": round(abs(leads), 3)})
    return found
