"""Debian's amtool against pagesieve, and against a real Alertmanager beside it: what it shows must be the same."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from pipeline.codec import decode_alerts
from schemas import Control
from schemas.topics import ALERTS
from tests.integration.broker import Broker
from tests.integration.conftest import StartMonitor
from tests.integration.real import PATIENCE_S, Process, free_ports, requires
from tests.integration.worker import Topics

pytestmark = pytest.mark.integration

ALERTMANAGER = "route: {receiver: default, group_by: [alertname]}\nreceivers: [{name: default}]\n"
POLICY = "group_by: [alertname]\nresolve_after: 1s\n"
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| UTC)")


class Amtool:
    """amtool with the address of one server; what it prints, with the ids numbered and the times left out."""

    def __init__(self, url: str, *options: str) -> None:
        self.url = url
        self._command = [requires("amtool", "apt install prometheus-alertmanager"), f"--alertmanager.url={url}"]
        self._options = options
        self.ids: list[str] = []

    def __call__(self, *arguments: str) -> str:
        command = [*self._command, *self._options, *(self._named(argument) for argument in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return f"{done.returncode}\n{self._told(done.stdout)}\n{self._told(done.stderr)}"

    def until(self, shows: Callable[[str], bool], *arguments: str) -> str:
        """What it prints once it shows what is waited for."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not shows(printed := self(*arguments)):
            assert time.monotonic() < deadline_s, printed
            time.sleep(0.1)
        return printed

    def _named(self, argument: str) -> str:
        """`#2` is the second id that was ever shown."""
        return self.ids[int(argument[1:]) - 1] if re.fullmatch(r"#\d+", argument) else argument

    def _told(self, text: str) -> str:
        for found in ID.findall(text):
            if found not in self.ids:
                self.ids.append(found)
            text = text.replace(found, f"#{self.ids.index(found) + 1}")
        return TIME.sub("TIME", text)


@contextmanager
def pagesieve(folder: Path, *arguments: str, **environment: str) -> Iterator[tuple[Process, str]]:
    """A command of pagesieve that listens, ready, and its address."""
    [port] = free_ports(1)
    folder.mkdir(exist_ok=True)
    command = [str(Path(sys.executable).with_name("pagesieve")), *arguments, "--listen", f"127.0.0.1:{port}"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAGESIEVE_")}
    process = Process(command, folder / "output.log", environment={**inherited, **environment})
    url = f"http://127.0.0.1:{port}"
    try:
        process.wait_until(lambda: answers(f"{url}/readyz") and answers(f"{url}/api/v2/status", environment))
        yield process, url
    finally:
        process.kill()


def answers(url: str, environment: Mapping[str, str] | None = None) -> bool:
    token = (environment or {}).get("PAGESIEVE_TOKENS", "none")
    try:
        return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def up(folder: Path, **environment: str) -> Iterator[tuple[Process, str]]:
    folder.mkdir(exist_ok=True)
    (folder / "policy.yaml").write_text(POLICY)
    options = ("--data-dir", str(folder / "data"), "--policy", str(folder / "policy.yaml"))
    with pagesieve(folder, "up", *options, **environment) as running:
        yield running


SCRIPT: tuple[tuple[str, ...], ...] = (
    ("silence", "query"),
    ("silence", "query", "-o", "json"),
    ("silence", "add", "-a", "me", "-c", "it is known", "alertname=Disk", 'pod=~"a|b"', "job!=x", 'zone!~".+y"'),
    ("silence", "query"),
    ("silence", "query", "-o", "extended"),
    ("silence", "query", "-o", "json"),
    ("silence", "query", "-q"),
    ("silence", "query", "alertname=Disk"),
    ("silence", "query", "-q", 'pod=~"a|b"', "job!=x"),
    ("silence", "query", "-q", "pod=a"),
    ("silence", "query", "-q", "--created-by=me"),
    ("silence", "query", "-q", "--created-by=you"),
    ("silence", "query", "-q", "--within=2h"),
    ("silence", "update", "-d", "3h", "-c", "longer", "#1"),
    ("silence", "update", "-d", "10m", "#1"),
    ("silence", "update", "--start=2027-01-01T00:00:00Z", "--end=2027-01-02T00:00:00Z", "#1"),
    ("silence", "query"),
    ("silence", "query", "--expired"),
    ("silence", "expire", "#2"),
    ("silence", "expire", "#2", "#1"),
    ("silence", "query", "--expired", "-q", "alertname=Disk"),
    ("silence", "query"),
    ("silence", "add", "-c", "x", "Disk"),
    ("silence", "add", "-c", "a value that\nhas everything", r'a="say \"hi\", \\ {x}"'),
    ("silence", "query", "-o", "json"),
    ("silence", "add", "-c", "x", 'a=""'),
    ("silence", "add", "-c", "x", 'a=~".*"'),
    ("silence", "add", "-c", "x", "--start=2027-01-02T00:00:00Z", "--end=2027-01-01T00:00:00Z", "a=b"),
    ("silence", "add", "-c", "x", "--start=2020-01-02T00:00:00Z", "--end=2020-01-03T00:00:00Z", "a=b"),
    ("cluster", "show"),
    ("config", "routes", "show"),
    ("config", "routes", "test", "a=b"),
)


def test_amtool_shows_of_silences_what_it_shows_of_alertmanagers(tmp_path: Path, alertmanager: StartMonitor) -> None:
    with up(tmp_path / "up") as (_, url):
        ours, theirs = Amtool(url), Amtool(alertmanager(ALERTMANAGER).url)
        for command in SCRIPT:
            assert ours(*command) == theirs(*command), command


def test_amtool_shows_of_alerts_what_it_shows_of_alertmanagers(tmp_path: Path, alertmanager: StartMonitor) -> None:
    with up(tmp_path / "up") as (_, url):
        ours, theirs = Amtool(url), Amtool(alertmanager(ALERTMANAGER).url)
        for amtool in (ours, theirs):
            amtool("silence", "add", "-c", "known", "pod=b")
            for name, pod in (("Disk", "a"), ("Disk", "b"), ("Probe", "c")):
                amtool("alert", "add", name, f"pod={pod}", f"--annotation=summary={name} is bad")
            amtool.until(lambda shown: shown.count("is bad") == 3, "alert", "query", "-a", "-s")
        for options in (
            *((), ("-a",), ("-s",), ("-i",), ("-a", "-s"), ("-o", "simple"), ("alertname=Disk",), ("Disk",)),
            *(("-a", "-s", 'pod=~"[ab]"'), ("-a", "-s", "pod!=b"), ("-a", "-r", "def.*"), ("-a", "-r", "nobody")),
        ):
            assert ours("alert", "query", *options) == theirs("alert", "query", *options), options


def test_a_silenced_alert_pages_nobody_until_the_silence_is_expired(tmp_path: Path) -> None:
    with up(tmp_path / "up") as (process, url):
        amtool = Amtool(url)
        assert amtool("silence", "add", "-c", "known", "alertname=Disk").startswith("0\n")
        for name in ("Disk", "Probe"):
            assert amtool("alert", "add", name, "pod=a").startswith("0\n")
        process.wait_until(lambda: "Probe" in pages(process))
        assert "Disk" not in pages(process)
        assert amtool("silence", "expire", "#1") == "0\n\n"
        process.wait_until(lambda: "Disk" in pages(process))


def pages(process: Process) -> str:
    """The pages on the console, without the log lines between them."""
    return "\n".join(line for line in process.output.read_text().splitlines() if not line.startswith("{"))


def test_silences_and_alerts_outlive_a_kill(tmp_path: Path) -> None:
    with up(tmp_path / "up") as (_, url):
        amtool = Amtool(url)
        amtool("silence", "add", "-c", "known", "alertname=Disk")
        amtool("alert", "add", "Disk", "pod=a")
        before = amtool.until(lambda shown: "suppressed" in shown, "alert", "query", "-s")
        listed = amtool("silence", "query")
    with up(tmp_path / "up") as (_, url):
        again = Amtool(url)
        assert again("silence", "query") == listed
        assert again("alert", "query", "-s") == before
        assert again.ids == amtool.ids


def test_amtool_needs_a_token_where_there_are_tokens(tmp_path: Path) -> None:
    (tmp_path / "basic.yml").write_text("basic_auth: {username: anyone, password: secret}\n")
    (tmp_path / "bearer.yml").write_text("authorization: {credentials: secret}\n")
    with up(tmp_path / "up", PAGESIEVE_TOKENS="secret") as (_, url):
        assert Amtool(url)("silence", "add", "-c", "x", "a=b").startswith("1\n")
        for file in ("basic.yml", "bearer.yml"):
            amtool = Amtool(url, f"--http.config.file={tmp_path / file}")
            assert amtool("silence", "add", "-c", "x", "a=b").startswith("0\n#1")


def test_on_kafka_every_partition_hears_it_and_every_gateway_lists_it(tmp_path: Path, broker: Broker) -> None:
    with ExitStack() as stack:
        urls = [
            stack.enter_context(pagesieve(tmp_path / name, "gateway", PAGESIEVE_KAFKA=broker.bootstrap))[1]
            for name in ("first", "second")
        ]
        first, second = (Amtool(url) for url in urls)
        assert first("silence", "add", "-c", "known", "alertname=Disk") == "0\n#1\n\n"
        second.until(lambda shown: "Disk" in shown, "silence", "query")
        assert second.ids == first.ids
        # Ended where it was not made.
        assert second("silence", "expire", "#1") == "0\n\n"
        first.until(lambda shown: "Disk" in shown, "silence", "query", "--expired")
    records = Topics(broker.bootstrap).read(ALERTS.name)
    heard = [(record.partition, decode_alerts(record.value)) for record in records]
    for number in range(ALERTS.partitions):
        made, ended = [control for partition, control in heard if partition == number]
        assert isinstance(made, Control)
        assert isinstance(ended, Control)
        assert made.silence is not None
        assert ended.silence is not None
        assert (made.silence.id, ended.silence.id) == (first.ids[0], first.ids[0])
        assert ended.silence.ends_at_ms < made.silence.ends_at_ms
