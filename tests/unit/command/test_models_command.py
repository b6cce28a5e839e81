"""What is trained can be listed, shown and used; the same history gives the same model; what is damaged is refused."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from pipeline.command.model_files import read_learned
from pipeline.core.clusters import key_of
from pipeline.errors import Misuse
from tests.unit.command.test_command_line import complaint, pagesieve


def recorded(days: int = 12) -> bytes:
    """Every day a database fails, and two seconds later who calls it; a disk by itself."""
    said = ((0, "DatabaseDown", "db"), (2, "RequestErrors", "api"), (7200, "DiskFull", "db"))
    lines = [
        json.dumps(
            {
                "source": "probe",
                "name": name,
                "labels": {"host": host},
                "starts_at": f"2026-01-{day:02}T{10 + second // 3600}:00:{second % 3600:02}Z",
            }
        )
        for day in range(1, days + 1)
        for second, name, host in said
    ]
    return "\n".join(lines).encode() + b"\n"


@pytest.fixture(name="trained", scope="module")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model."""
    folder = tmp_path_factory.mktemp("models")
    history = folder / "history.ndjson"
    history.write_bytes(recorded())
    done = pagesieve("train", "--history", history, "--out", folder / "models", "--json")
    assert done.returncode == 0, done.stderr
    return folder / "models"


def version_in(folder: Path) -> str:
    listed = json.loads(pagesieve("models", "list", "--dir", folder, "--json").stdout)
    version = listed["models"][0]["version"]
    assert isinstance(version, str)
    return version


def test_train_says_what_was_learned_and_models_list_names_it(trained: Path) -> None:
    done = pagesieve("models", "list", PAGESIEVE_MODEL=str(trained))
    assert done.stdout.strip().startswith("m1:")
    assert "2026-01-01T10:00:00.000Z to 2026-01-12T12:00:00.000Z  36 events" in done.stdout


def test_show_names_the_pair_and_who_is_first(trained: Path) -> None:
    shown = json.loads(pagesieve("models", "show", version_in(trained), "--dir", trained, "--json").stdout)
    assert shown["figures"]["events"] == 36
    assert shown["history"][0]["name"] == "history.ndjson"
    assert (shown["clearest"][0]["first"], shown["clearest"][0]["second"]) == ("t1:DatabaseDown", "t1:RequestErrors")
    text = pagesieve("models", "show", version_in(trained), "--dir", trained).stdout
    assert "t1:DatabaseDown then t1:RequestErrors (12 times)" in text


def test_the_same_history_gives_the_same_bytes_packed_or_not(trained: Path, tmp_path: Path) -> None:
    packed = tmp_path / "history.ndjson.gz"
    packed.write_bytes(gzip.compress(recorded()))
    assert pagesieve("train", "--history", packed, "--out", tmp_path / "m").returncode == 0
    one, other = next(trained.glob("m1-*")), next((tmp_path / "m").glob("m1-*"))
    assert one.name == other.name
    for path in one.glob("*.npy"):
        assert path.read_bytes() == (other / path.name).read_bytes()
    again = tmp_path / "again"
    (tmp_path / "history.ndjson").write_bytes(recorded())
    assert pagesieve("train", "--history", tmp_path / "history.ndjson", "--out", again).returncode == 0
    assert (again / one.name / "manifest.json").read_bytes() == (one / "manifest.json").read_bytes()


def test_history_may_be_several_files(tmp_path: Path) -> None:
    lines = recorded().splitlines(keepends=True)
    paths = [tmp_path / "a.ndjson", tmp_path / "b.ndjson"]
    paths[0].write_bytes(b"".join(lines[:18]))
    paths[1].write_bytes(b"".join(lines[18:]) + b"nonsense\n")
    done = pagesieve("train", "--history", *paths, "--out", tmp_path / "m", "--json")
    told = json.loads(done.stdout)
    assert (told["figures"]["events"], told["figures"]["places"]) == (36, 2)
    manifest = json.loads((Path(told["path"]) / "manifest.json").read_text())
    assert [(one["name"], one["events"], one["rejected"]) for one in manifest["history"]] == [
        ("a.ndjson", 18, 0),
        ("b.ndjson", 18, 1),
    ]


def test_the_model_in_use_is_the_one_that_a_folder_stands_for(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shutil.copytree(trained, folder)
    (folder / "current").unlink(missing_ok=True)
    with pytest.raises(Misuse, match="no model of it is in use; say which to use"):
        read_learned(folder)
    version = version_in(folder)
    used = json.loads(pagesieve("models", "use", version, "--dir", folder, "--json").stdout)
    assert used == {"in_use": version, "before": None}
    model = read_learned(folder).clusters
    assert model.version == version
    down, errors = (model.number(key_of(f"t1:{name}")) for name in ("DatabaseDown", "RequestErrors"))
    assert model.lift(down, errors) > 20
    assert pagesieve("models", "list", "--dir", folder).stdout.startswith(f"* {version}")


def test_a_model_that_decided_before_is_at_hand_as_long_as_its_folder_is(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shutil.copytree(trained, folder)
    version = version_in(folder)
    used = read_learned(folder / version.replace(":", "-"))
    assert used.version == version
    nothing = used.other(None)
    assert nothing is not None
    assert nothing.version is None
    found = nothing.other(version)
    assert found is not None
    assert (found.version, found.find) == (version, used.find)
    for strange in ("m1:000000000000", f"{version}+a1:000000000000", "../" + version, "+"):
        assert nothing.other(strange) is None, strange


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["keys.npy", "lift.npy", "pair_a.npy", "leads.npy", "family.npy"])
def test_a_damaged_array_is_named(trained: Path, tmp_path: Path, name: str) -> None:
    model = tmp_path / "model"
    shutil.copytree(next(trained.glob("m1-*")), model)
    _flip(model / name)
    with pytest.raises(Misuse, match=rf"{name}: damaged: it is not the file that the manifest speaks of"):
        read_learned(model)
    (model / name).unlink()
    with pytest.raises(Misuse, match=rf"{name}: No such file"):
        read_learned(model)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, r"format: Input should be 1"),
        ({"template_version": "t0"}, r"learned from templates t0, and these are t1; train again"),
        ({"version": "m1:000000000000"}, r"its manifest says m1:000000000000"),
        ({"files": {}}, r"it does not name keys.npy"),
        ({"figures": "many"}, r"figures: "),
        ({"more": 1}, r"more: Extra inputs"),
    ],
)
def test_a_foreign_manifest_is_refused(trained: Path, tmp_path: Path, change: dict[str, object], said: str) -> None:
    model = tmp_path / "model"
    shutil.copytree(next(trained.glob("m1-*")), model)
    manifest = json.loads((model / "manifest.json").read_text())
    (model / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(Misuse, match=said):
        read_learned(model)


def test_pickles_are_not_loaded(trained: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(next(trained.glob("m1-*")), model)
    (model / "manifest.json").write_bytes(b"\x80\x04N.")
    with pytest.raises(Misuse, match=r"no manifest of ours"):
        read_learned(model)


def test_what_is_wrong_is_said_in_one_line(trained: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.ndjson"
    nothing.write_text("nonsense\n")
    said = complaint(pagesieve("train", "--history", nothing, "--out", tmp_path / "m"), 2)
    assert "nothing in it is an event as canonical writes it; `pagesieve replay --rejected OUT` says why" in said
    said = complaint(pagesieve("train", "--history", tmp_path / "no", "--out", tmp_path / "m"), 2)
    assert "No such file" in said
    assert "there is no model m1:attic" in complaint(pagesieve("models", "use", "m1:attic", "--dir", trained), 2)
    assert "there is no model ../x" in complaint(pagesieve("models", "use", "../x", "--dir", trained), 2)
    assert "set PAGESIEVE_MODEL" in complaint(pagesieve("models", "list"), 2)
    assert "no such folder" in complaint(pagesieve("models", "list", "--dir", tmp_path / "no"), 2)


def test_a_replay_with_the_model_ranks_by_what_was_learned(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shutil.copytree(trained, folder)
    version = version_in(folder)
    assert pagesieve("models", "use", version, "--dir", folder).returncode == 0
    policy, events = tmp_path / "policy.yaml", tmp_path / "events.ndjson"
    policy.write_text("group_by: [site]\n")
    event = {"source": "probe", "labels": {"site": "a"}}
    said = (("RequestErrors", "2026-02-01T10:00:00Z"), ("DatabaseDown", "2026-02-01T10:00:01Z"))
    events.write_text("".join(json.dumps({**event, "name": name, "starts_at": at}) + "\n" for name, at in said))

    def cause(*options: str | Path, **environment: str) -> str:
        out = tmp_path / "incidents"
        arguments = ("--decisions", tmp_path / "decisions", "--incidents", out, "--policy", policy)
        done = pagesieve("replay", events, *arguments, *options, **environment)
        assert done.returncode == 0, done.stderr
        last = json.loads(out.read_text().splitlines()[-1])
        return str(last["causes"][0]["name"])

    assert cause() == "RequestErrors"
    assert cause("--model", folder) == "DatabaseDown"
    assert cause("--model", folder / version.replace(":", "-")) == "DatabaseDown"
    assert cause(PAGESIEVE_MODEL=str(folder)) == "DatabaseDown"


def test_no_command_runs_with_a_damaged_model(trained: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(next(trained.glob("m1-*")), model)
    _flip(model / "lift.npy")
    events = tmp_path / "events.ndjson"
    events.write_bytes(recorded())
    said = complaint(pagesieve("replay", events, "--decisions", tmp_path / "out", "--model", model), 2)
    assert "lift.npy: damaged" in said
    said = complaint(pagesieve("up", "--data-dir", tmp_path / "log", "--listen", "127.0.0.1:0", "--model", model), 2)
    assert "lift.npy: damaged" in said
    assert "no such folder" in complaint(pagesieve("worker", PAGESIEVE_MODEL="/no", PAGESIEVE_KAFKA="127.0.0.1:1"), 2)
