"""A policy file is read whole and checked before anything runs; what is wrong is said with line, field and remedy."""

from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from pipeline.core.policy import Policy
from pipeline.errors import Misuse
from pipeline.policy_file.complaint import complaints_of
from pipeline.policy_file.contradiction import contradictions
from pipeline.policy_file.lines import Complaint, Lines, NotYaml, shown, structure

__all__ = ["MAX_BYTES", "Complaint", "Examined", "examine", "load_policy"]

MAX_BYTES = 1024 * 1024


class Examined(NamedTuple):
    """What a file turned out to be: a policy, or all that is wrong with it, by line."""

    policy: Policy | None
    complaints: list[Complaint]


def load_policy(path: Path | None) -> Policy:
    """The policy in the YAML file at `path`; without a file, the defaults. Raises Misuse with one line."""
    if path is None:
        return Policy()
    examined = examine(path)
    if examined.policy is not None:
        return examined.policy
    first, *others = examined.complaints
    more = f"; and {len(others)} more, see `pagesieve policy check {path}`" if others else ""
    raise Misuse(f"policy {path}: {first}{more}")


def examine(path: Path) -> Examined:
    """Read the file and find everything that is wrong with it. Raises Misuse if there is nothing to read."""
    try:
        content, lines = structure(_read(path))
    except NotYaml as exc:
        return Examined(None, [exc.complaint])
    if content is None:
        return Examined(Policy(), [])  # a file of comments changes nothing
    if not isinstance(content, dict):
        return Examined(None, [Complaint(1, "", f"expected `field: value` lines, found {shown(content)}")])
    try:
        policy = Policy.model_validate(content)
    except ValidationError as exc:
        return Examined(None, _by_line(complaints_of(exc, lines)))
    found = [_complaint(path, message, lines) for path, message in contradictions(policy)]
    return Examined(None if found else policy, _by_line(found))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise Misuse(f"policy {path}: {exc.strerror or exc}") from None
    if len(content) > MAX_BYTES:
        raise Misuse(f"policy {path}: larger than {MAX_BYTES} bytes, so hardly a policy")
    return content


def _complaint(path: tuple[str | int, ...], message: str, lines: Lines) -> Complaint:
    return Complaint(lines.of(path), lines.written(path), message)


def _by_line(complaints: list[Complaint]) -> list[Complaint]:
    return sorted(complaints, key=lambda complaint: complaint.line or 0)
