"""Kernels are there when the first event comes, whatever the machine's disk is like; who needs none does not wait."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.core import kernels
from pipeline.core.columns import ROW
from pipeline.core.jit import warm_up

SMALL = """
from numba import types
from pipeline.core.jit import kernel, warm_up

@kernel(types.int64)
def twice(number):
    return 2 * number

warm_up()
print(twice(21), twice.signatures, end="")
"""
FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A program with one kernel: a real one takes seconds to compile."""
    path = tmp_path / "small.py"
    path.write_text(SMALL)
    return path


def said_by(code: str, **environment: str) -> str:
    env = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True).stdout


def test_a_kernel_is_kept_for_the_next_start(small: Path, tmp_path: Path) -> None:
    code = f"import runpy; runpy.run_path({str(small)!r})"
    assert said_by(code, NUMBA_CACHE_DIR=str(tmp_path / "cache")) == "42 [(int64,)]"
    assert list((tmp_path / "cache").rglob("*.nbc"))


def test_a_full_disk_costs_only_the_cache(small: Path, tmp_path: Path) -> None:
    code = f"{FULL_DISK}; import runpy; runpy.run_path({str(small)!r})"
    assert said_by(code, NUMBA_CACHE_DIR=str(tmp_path / "cache")) == "42 [(int64,)]"
    assert not list((tmp_path / "cache").rglob("*.nbc"))


def test_no_folder_to_write_to_costs_only_the_cache(small: Path) -> None:
    code = f"import runpy; runpy.run_path({str(small)!r})"
    nowhere = {"NUMBA_CACHE_DIR": "/proc/nowhere", "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    assert said_by(code, **nowhere) == "42 [(int64,)]"


def test_the_command_line_does_not_wait_for_numba() -> None:
    assert said_by("import sys, pipeline.command.app; print('numba' in sys.modules, end='')") == "False"


def test_a_warm_kernel_refuses_what_it_was_not_compiled_for() -> None:
    warm_up()
    warm_up()
    slots = np.zeros(4, np.uint64)
    with pytest.raises(TypeError, match="No matching definition"):
        kernels.find(slots.astype(np.int64), slots, np.zeros(4, ROW), 1)


@pytest.mark.parametrize(
    ("before", "after"), [("FACTOR = 2", "FACTOR = 3"), ("return FACTOR * number", "return 3 * number")]
)
def test_a_kept_kernel_is_none_for_other_constants_or_parts(tmp_path: Path, before: str, after: str) -> None:
    """They stand in files of their own: numba looks only at the kernel's, and would go on with those of last time."""
    (tmp_path / "constants.py").write_text("FACTOR = 2\n")
    (tmp_path / "parts.py").write_text(
        "from pipeline.core.jit import part\nfrom constants import FACTOR\n\n"
        "@part\ndef times(number):\n    return FACTOR * number\n"
    )
    (tmp_path / "small.py").write_text(
        SMALL.replace("\n@kernel", "from parts import times\n\n@kernel").replace(
            "return 2 * number", "return times(number)"
        )
    )
    code = f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_path({str(tmp_path / 'small.py')!r})"
    cache = str(tmp_path / "cache")
    assert said_by(code, NUMBA_CACHE_DIR=cache).startswith("42 ")
    for path in (tmp_path / "constants.py", tmp_path / "parts.py"):
        path.write_text(path.read_text().replace(before, after))
    assert said_by(code, NUMBA_CACHE_DIR=cache).startswith("63 ")
