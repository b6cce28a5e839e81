"""Foreign packages under our names stop the start with one line that says whose they are."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def start(*path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`pagesieve --version` in a process whose path begins with `path`."""
    return subprocess.run(
        [sys.executable, "-c", "from pipeline.__main__ import main; main(['--version'])"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(folder) for folder in path)},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def package(folder: Path, name: str, code: str = "") -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(code)
    return folder


def distribution(site: Path, name: str, *files: str) -> None:
    """The metadata of an installed distribution that owns `files`, with their hashes as they are now."""
    info = site / f"{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    lines = []
    for file in files:
        content = (site / file).read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{file},sha256={digest},{len(content)}\n")
    (info / "RECORD").write_text("".join(lines))


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder in which pagesieve is installed as from a wheel, its files copied and recorded."""
    site = tmp_path / "site"
    files = []
    for name in ("pipeline", "models", "schemas"):
        shutil.copytree(ROOT / name, site / name, ignore=shutil.ignore_patterns("__pycache__"))
        files += [str(path.relative_to(site)) for path in (site / name).rglob("*.py")]
    distribution(site, "pagesieve", *files)
    return site


def test_our_own_packages_start_also_when_installed_editable(tmp_path: Path) -> None:
    done = start(ROOT, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_our_own_packages_start_when_installed_from_a_wheel(tmp_path: Path, installed: Path) -> None:
    done = start(installed, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["models", "schemas"])
def test_a_local_folder_before_ours_is_named(tmp_path: Path, name: str) -> None:
    here = package(tmp_path / "here", name, "raise AssertionError('foreign code was run')")
    done = start(here, ROOT, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert f"{here / name / '__init__.py'} stands before pagesieve's own '{name}'" in done.stderr
    assert "it belongs to no distribution" in done.stderr


def test_a_module_before_our_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "schemas.py").write_text("")
    done = start(tmp_path, ROOT, cwd=tmp_path)
    assert done.returncode == 3
    assert str(tmp_path / "schemas.py") in done.stderr


def test_the_distribution_that_owns_the_folder_before_ours_is_named(tmp_path: Path) -> None:
    site = package(tmp_path / "site", "models")
    distribution(site, "modelzoo", "models/__init__.py")
    done = start(site, ROOT, cwd=tmp_path)
    assert done.returncode == 3
    assert "it belongs to the distribution modelzoo 1.2: give pagesieve a virtual environment" in done.stderr


@pytest.mark.parametrize("file", ["schemas/__init__.py", "pipeline/__init__.py", "schemas/alert.py"])
def test_a_distribution_installed_over_ours_is_named(tmp_path: Path, installed: Path, file: str) -> None:
    (installed / file).write_text("# theirs\n")
    distribution(installed, "zoo", file)
    done = start(installed, cwd=tmp_path)
    assert done.returncode == 3
    assert f"{installed / file} was overwritten by the distribution zoo 1.2" in done.stderr


def test_a_file_edited_in_place_is_nobodys_business(tmp_path: Path, installed: Path) -> None:
    with (installed / "schemas" / "alert.py").open("a") as file:
        file.write("# a fix on a Sunday night\n")
    assert start(installed, cwd=tmp_path).returncode == 0


def test_a_file_that_another_distribution_took_with_it_is_missed(tmp_path: Path, installed: Path) -> None:
    (installed / "schemas" / "alert.py").unlink()
    done = start(installed, cwd=tmp_path)
    assert done.returncode == 3
    assert f"{installed / 'schemas' / 'alert.py'} of pagesieve is gone: install pagesieve again" in done.stderr


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "pipeline", tmp_path / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    forget = "import sys; sys.path[:] = [folder for folder in sys.path if folder != sys.argv[1]]"
    code = f"{forget}; from pipeline.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert f"pagesieve's package 'models' is not in {tmp_path}: install pagesieve again" in done.stderr
