"""What deploy/report/ offers is valid, and names only commands, options and settings that exist."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from pipeline.command.app import app
from pipeline.settings import Posting, Settings

FOLDER = Path(__file__).parents[2] / "deploy" / "report"
CRONJOB: dict[str, Any] = yaml.safe_load((FOLDER / "cronjob.yaml").read_text())
POD = CRONJOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]
SERVICE, TIMER = ((FOLDER / f"pagesieve-report.{kind}").read_text() for kind in ("service", "timer"))
CRON = (FOLDER / "pagesieve-report.cron").read_text()
SETTINGS = {
    *(f"PAGESIEVE_{name.upper()}" for name in Settings.model_fields),
    *(f"PAGESIEVE_POST_{name.upper()}" for name in Posting.model_fields),
}


def commands() -> dict[str, list[str]]:
    """The words behind `pagesieve` in each file."""
    [exec_start] = re.findall(r"(?m)^ExecStart=(.*)$", SERVICE)
    [line] = re.findall(r"(?m)^30 .*$", CRON)
    return {
        "systemd": shlex.split(exec_start)[1:],
        "cron": [word for word in shlex.split(line)[7:] if word != ">/dev/null"],
        "kubernetes": POD["containers"][0]["args"],
    }


def test_the_cronjob_is_what_kubernetes_takes() -> None:
    validate = [str(Path(sys.executable).with_name("kubernetes-validate")), "--strict", str(FOLDER / "cronjob.yaml")]
    done = subprocess.run(validate, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("where", ["systemd", "cron", "kubernetes"])
def test_each_calls_the_report_with_options_that_exist(where: str) -> None:
    first, *options = commands()[where]
    assert first == "report"
    report = typer.main.get_command(app).commands["report"]  # type: ignore[attr-defined]  # a group
    parsed = report.make_context("report", options).params
    assert parsed["post"] is True
    assert parsed["out"]


def test_every_variable_is_a_setting_and_no_secret_stands_in_a_file_of_ours() -> None:
    named = set(re.findall(r"PAGESIEVE_[A-Z_]+[A-Z]", SERVICE + CRON + (FOLDER / "cronjob.yaml").read_text()))
    assert named - SETTINGS == set()
    for variable in POD["containers"][0]["env"]:
        if variable["name"].removeprefix("PAGESIEVE_POST_").lower() in {"slack_url", "smtp_password", "webhook_token"}:
            pytest.fail(f"{variable['name']} is a secret: mount it as a file")


def test_the_readme_tells_of_every_place_that_it_may_be_posted_to() -> None:
    readme = (FOLDER.parents[1] / "README.md").read_text()
    table = readme[readme.index("### Let it come to you") :]
    untold = [name for name in Posting.model_fields if not name.endswith("_file") and f"`{name.upper()}`" not in table]
    assert untold == []


def test_every_folder_that_is_mounted_is_a_volume() -> None:
    [container] = POD["containers"]
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in POD["volumes"]}
    mounted = [one["mountPath"] for one in container["volumeMounts"]]
    paths = [one["value"] for one in container["env"] if str(one["value"]).startswith("/")]
    paths += [word for word in container["args"] if word.startswith("/")]
    assert [path for path in paths if not any(path.startswith(one) for one in mounted)] == []


def test_it_runs_once_a_week_and_never_twice_at_a_time() -> None:
    spec = CRONJOB["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("30 6 * * 1", "Etc/UTC", "Forbid")
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert "OnCalendar=Mon 06:30 UTC" in TIMER
    assert re.search(r"(?m)^30 6 \* \* 1 pagesieve ", CRON)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    (tmp_path / "pagesieve-report.service").write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", SERVICE))
    (tmp_path / "pagesieve-report.timer").write_text(TIMER)
    units = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "pagesieve" in line]) == (0, [])
    [calendar] = re.findall(r"OnCalendar=(.*)", TIMER)
    subprocess.run(["systemd-analyze", "calendar", calendar], capture_output=True, check=True)
