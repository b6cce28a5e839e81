"""Who may import whom, and what may not be in pure code: the table below is the law, and every file obeys it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("schemas", "models", "pipeline")
TREES = (*OURS, "tests", "benchmarks", "deploy")
LINE_LIMIT = 300

# What any room of the pipeline but core may lean on.
SHARED = (
    *("schemas", "pipeline.core", "pipeline.sources", "pipeline.normalise", "pipeline.log"),
    *("pipeline.codec", "pipeline.errors", "pipeline.settings", "pipeline.metrics"),
)
# The most specific line counts. A module may import itself and its own parts, and what stands here.
MAY_IMPORT = {
    "schemas": (),
    "models": ("schemas",),
    "pipeline": (),
    "pipeline.errors": (),
    "pipeline.settings": ("pipeline.errors",),
    "pipeline.metrics": (),
    "pipeline.codec": ("schemas", "pipeline.errors"),
    "pipeline.core": ("schemas",),
    "pipeline.sources": ("schemas", "pipeline.core", "pipeline.errors", "pipeline.codec"),
    "pipeline.normalise": ("schemas", "pipeline.core", "pipeline.sources", *SHARED[4:]),
    "pipeline.log": ("schemas", "pipeline.codec", "pipeline.errors", "pipeline.settings", "pipeline.metrics"),
    "pipeline.stream": SHARED,
    "pipeline.edge": SHARED,
    "pipeline.edge.web": (*SHARED, "pipeline.edge", "pipeline.answer"),  # it tells what was decided
    "pipeline.replay": SHARED,
    "pipeline.suggest": SHARED,
    "pipeline.report": SHARED,
    "pipeline.watchdog": (*SHARED, "pipeline.stream.tick_law"),
    "pipeline.audit": ("schemas", "pipeline.core", *SHARED[3:7]),
    "pipeline.explain": ("schemas", "pipeline.core"),
    "pipeline.answer": ("schemas", "pipeline.core", *SHARED[4:7], "pipeline.explain.words"),
    "pipeline.logs": (),
    "pipeline.shadowing": ("pipeline.errors",),
    "pipeline.policy_file": ("pipeline.core", "pipeline.errors"),
    # The composition root: the only code that knows every room, and that no room knows.
    "pipeline.command": (*OURS,),
    "pipeline.__main__": (*OURS,),
}
PURE = ("schemas", "models", "pipeline.core", "pipeline.sources", "pipeline.normalise")
THIRD_PARTIES = {
    "schemas": {"pydantic"},
    "pipeline.core": {"pydantic", "pydantic_core", "numpy", "numba", "re2"},
    "models": {"pydantic", "numpy", "scipy", "sklearn", "joblib"},
}
IMPURE_MODULES = {
    *("asyncio", "multiprocessing", "selectors", "signal", "subprocess", "threading", "time"),
    *("getpass", "locale", "os", "platform", "random", "secrets", "sys", "uuid"),
    *("ctypes", "fcntl", "http", "io", "pathlib", "shelve", "shutil", "socket", "sqlite3", "ssl", "tempfile", "urllib"),
    *("logging", "pickle"),
}
IMPURE_CALLS = {"open", "print", "input", "hash", "id", "exec", "eval"}  # hash(str) differs in every process
CLOCKS = {"now", "utcnow", "today"}


def module_of(path: Path, root: Path = ROOT) -> str:
    """The dotted name under which the file at `path` is imported."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_in(module: str, room: str) -> bool:
    """Whether `module` is `room` or a part of it."""
    return module == room or module.startswith(room + ".")


def room_of(module: str) -> str | None:
    """The most specific line of the table that speaks of `module`; a new room needs a line."""
    rooms = [room for room in MAY_IMPORT if is_in(module, room) and (room != "pipeline" or module == room)]
    return max(rooms, key=len, default=None)


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Every name imported anywhere in the file, with its line; relative ones made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (parent, node.module) if part)
            # `from pipeline import replay` imports a module too, so the names count as well.
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def wrong_imports(path: Path, root: Path = ROOT) -> Iterator[str]:
    """What the file at `path` imports and may not."""
    module = module_of(path, root)
    room = room_of(module)
    if room is None:
        yield f"{module}: no line in MAY_IMPORT says what it may import"
        return
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    third_parties = next((known for prefix, known in THIRD_PARTIES.items() if is_in(module, prefix)), None)
    for line, name in imports(ast.parse(path.read_text()), package):
        top = name.partition(".")[0]
        if top in TREES:
            if not any(is_in(name, allowed) for allowed in (room, *MAY_IMPORT[room])):
                yield f"{module}:{line}: {room} may not import {name}"
        elif top not in sys.stdlib_module_names and third_parties is not None and top not in third_parties:
            yield f"{module}:{line}: {room} may not import {top}"


def impurities(path: Path, root: Path = ROOT) -> Iterator[str]:
    """What in the file at `path` touches a clock, chance, the environment or the outside."""
    module = module_of(path, root)
    tree = ast.parse(path.read_text())
    for line, name in imports(tree, module):
        if name.partition(".")[0] in IMPURE_MODULES:
            yield f"{module}:{line}: pure code may not import {name}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield f"{module}:{node.lineno}: pure code may not call {node.func.id}()"
        if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            yield f"{module}:{node.lineno}: pure code may not read the clock with .{node.func.attr}()"


def python_files(*trees: str) -> list[Path]:
    return sorted(path for tree in trees for path in (ROOT / tree).rglob("*.py"))


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git, or no clone: nothing says which files are the project's")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_every_module_imports_only_what_its_room_may() -> None:
    assert [wrong for path in python_files(*OURS) for wrong in wrong_imports(path)] == []


def test_pure_rooms_touch_no_clock_chance_environment_or_device() -> None:
    pure = [path for path in python_files(*OURS) if any(is_in(module_of(path), room) for room in PURE)]
    assert pure
    assert [wrong for path in pure for wrong in impurities(path)] == []


def test_every_file_says_its_rule_in_its_first_line_and_stays_short() -> None:
    wrong = []
    for path in python_files(*TREES):
        lines = path.read_text().splitlines()
        if lines and lines[0].startswith("#!"):
            lines = lines[1:]
        if lines and not lines[0].startswith(('"""', 'r"""')):
            wrong.append(f"{path}: the first line is no docstring")
        if len(lines) > LINE_LIMIT:
            wrong.append(f"{path}: {len(lines)} lines")
    assert wrong == []


def test_no_tracked_file_names_a_package_registry() -> None:
    # Which registry serves a machine is that machine's business. Spelled so that this file does not name one.
    hosts = [
        f"{name}.{domain}".encode()
        for name, domain in (
            *(("pypi", "org"), ("pythonhosted", "org"), ("repo1.maven", "org"), ("repo.maven.apache", "org")),
            *(("registry.npmjs", "org"), ("crates", "io"), ("proxy.golang", "org"), ("deb.debian", "org")),
        )
    ]
    tracked = [(path, path.read_bytes()) for path in tracked_files()]
    assert [f"{path}: {host.decode()}" for path, content in tracked for host in hosts if host in content] == []


@pytest.mark.parametrize(
    ("module", "code", "complaint"),
    [
        ("schemas/alert.py", "import pipeline.codec", "schemas may not import pipeline.codec"),
        ("schemas/alert.py", "import numpy", "schemas may not import numpy"),
        ("pipeline/core/group.py", "from pipeline import errors", "pipeline.core may not import pipeline.errors"),
        ("pipeline/core/group.py", "import faust", "pipeline.core may not import faust"),
        ("pipeline/core/deep/er.py", "from ..group import x\nfrom ...log import entry", "may not import pipeline.log"),
        ("pipeline/stream/loop.py", "def f():\n    from pipeline.edge import pager", "may not import pipeline.edge"),
        ("pipeline/edge/pager.py", "from pipeline.replay import replay", "may not import pipeline.replay"),
        ("pipeline/log/kafka.py", "import pipeline.command", "may not import pipeline.command"),
        ("models/cluster.py", "import tests.unit", "models may not import tests.unit"),
        ("pipeline/attic.py", "", "no line in MAY_IMPORT"),
    ],
)
def test_the_check_finds_a_wrong_import(tmp_path: Path, module: str, code: str, complaint: str) -> None:
    path = tmp_path / module
    path.parent.mkdir(parents=True)
    path.write_text(code)
    found = list(wrong_imports(path, tmp_path))
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "from random import choice",
        "def f():\n    import os.path",
        "from datetime import datetime, UTC\nx = datetime.now(UTC)",
        "x = hash('a')",
        "print(1)",
        "open('x')",
    ],
)
def test_the_check_finds_what_is_not_pure(tmp_path: Path, code: str) -> None:
    path = tmp_path / "sample.py"
    path.write_text(code)
    assert len(list(impurities(path, tmp_path))) == 1


def test_the_check_lets_pass_what_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "pipeline" / "core" / "group.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        '"""Fine."""\nimport hashlib\nimport numpy\nfrom schemas import Alert\nfrom .policy import Policy\n'
    )
    assert list(wrong_imports(path, tmp_path)) == []
    assert list(impurities(path, tmp_path)) == []
