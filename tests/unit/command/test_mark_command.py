"""`pagesieve mark` says in one line what became of a mark, and shows a token only where nobody can overhear it."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipeline.command.mark import MOST_TOGETHER as SENT_TOGETHER
from pipeline.command.mark import run_mark
from pipeline.errors import Misuse, Retryable
from pipeline.sources.outcomes import MOST_TOGETHER, read_outcomes
from schemas import Verdict
from tests.unit.command.test_command_line import complaint, pagesieve

KEYS = ("inc1:e9dc6358fc2f3a6efa44", "inc1:00000000000000000000")


class Gateway(ThreadingHTTPServer):
    """Answers as told, else as the gateway does, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.bodies: list[bytes] = []
        self.tokens: list[str | None] = []
        self.answer: tuple[int, Any] | None = None
        self.unknown: set[str] | None = set()

    def marked(self, body: bytes) -> dict[str, list[str]]:
        outcomes = read_outcomes(body, 2**50)
        said = {"ids": [one.id for one in outcomes]}
        if self.unknown is not None:
            said["unknown"] = [one.incident_id for one in outcomes if one.incident_id in self.unknown]
        return said


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(body)
        self.server.tokens.append(self.headers.get("authorization"))
        status, said = self.server.answer or (202, self.server.marked(body))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(said.encode() if isinstance(said, str) else json.dumps(said).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_each_incident_is_marked_once_and_told(gateway: Gateway) -> None:
    options = ("--as", "not_actionable", "--note", "a backup", "--by", "ada", "--gateway", gateway.url)
    done = pagesieve("mark", *KEYS, KEYS[0], *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"{key}  not_actionable by ada" for key in KEYS]
    [body] = gateway.bodies
    outcomes = read_outcomes(body, 2**50)
    assert [one.incident_id for one in outcomes] == list(KEYS)
    assert {(one.verdict, one.by, one.note) for one in outcomes} == {(Verdict.NOT_ACTIONABLE, "ada", "a backup")}
    assert gateway.tokens == [None]


def test_incidents_may_come_on_stdin(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEYS[0]}\n{KEYS[1]} {KEYS[0]}\n"))
    run_mark(["-"], "duplicate", "", "ada", gateway.url, as_json=False)
    assert [one.incident_id for one in read_outcomes(gateway.bodies[0], 2**50)] == list(KEYS)


def test_json_is_for_programs_and_settings_say_where_the_gateway_is_and_its_token(gateway: Gateway) -> None:
    settings = {"PAGESIEVE_GATEWAY_URL": gateway.url + "/", "PAGESIEVE_TOKENS": "first,second"}
    done = pagesieve("mark", KEYS[0], "--as", "duplicate", "--by", "ada", "--json", **settings)
    said = json.loads(done.stdout)
    assert (said["verdict"], said["by"], said["marked"][0]["incident_id"]) == ("duplicate", "ada", KEYS[0])
    assert said["marked"][0]["id"].startswith("out1:")
    assert gateway.tokens == ["Bearer first"]


def test_what_cannot_be_is_one_line_that_names_it(gateway: Gateway) -> None:
    assert "--as noise: must be one of acknowledged, " in complaint(pagesieve("mark", KEYS[0], "--as", "noise"), 2)
    gateway.answer = 400, {"detail": "outcomes[1].incident_id: must be the whole id of an incident"}
    done = pagesieve("mark", KEYS[0], "inc1:e9", "--as", "duplicate", "--by", "ada", "--gateway", gateway.url)
    assert complaint(done, 2) == "inc1:e9: incident_id must be the whole id of an incident"
    nowhere = pagesieve("mark", KEYS[0], "--as", "duplicate", "--gateway", "http://127.0.0.1:1")
    assert complaint(nowhere, 3) == (
        "no gateway answers at http://127.0.0.1:1: nothing is marked; start it, or name another with --gateway"
    )


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ((401, {"detail": "send a token"}), Misuse, "wants a token: set PAGESIEVE_TOKENS"),
        ((503, {"detail": "it may not be durable yet"}), Retryable, "answered 503: it may not be durable yet; it may"),
        ((200, "<html>"), Misuse, "is no gateway of pagesieve: it answered 200"),
        ((302, "[]"), Misuse, "is no gateway of pagesieve: it answered 302"),
        ((202, {"ids": 7}), Misuse, "is no gateway of pagesieve: it answered 202"),
        ((400, {"detail": "not JSON"}), Misuse, "not JSON"),
    ],
)
def test_every_answer_that_is_no_success_is_said(
    gateway: Gateway, answer: tuple[int, Any], error: type[Exception], said: str
) -> None:
    gateway.answer = answer
    with pytest.raises(error, match=said):
        run_mark([KEYS[0]], "duplicate", "", "ada", gateway.url, as_json=False)


@pytest.mark.parametrize("url", ["http://pagesieve.example:9095", "http://192.0.2.7"])
def test_a_token_goes_over_https_alone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGESIEVE_TOKENS", "secret")
    with pytest.raises(Misuse, match="must be https: a token goes over it") as misuse:
        run_mark([KEYS[0]], "duplicate", "", "ada", url, as_json=False)
    assert "secret" not in str(misuse.value)


@pytest.mark.parametrize("url", ["127.0.0.1:9095", "ftp://127.0.0.1", "http://", "http://[::1"])
def test_an_address_that_is_none_is_misuse(url: str) -> None:
    with pytest.raises(Misuse, match="the gateway's address must be like"):
        run_mark([KEYS[0]], "duplicate", "", "ada", url, as_json=False)


def test_more_than_the_gateway_takes_at_once_go_in_parts(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert SENT_TOGETHER == MOST_TOGETHER
    keys = [f"inc1:{number:020x}" for number in range(MOST_TOGETHER + 1)]
    assert run_mark(keys, "duplicate", "", "ada", gateway.url, as_json=False) == 0
    assert [len(read_outcomes(body, 2**50)) for body in gateway.bodies] == [MOST_TOGETHER, 1]
    assert len(capsys.readouterr().out.splitlines()) == len(keys)


def test_an_id_that_no_incident_has_is_no_success_though_the_mark_is_kept(gateway: Gateway) -> None:
    gateway.unknown = {KEYS[1]}
    options = ("--as", "duplicate", "--by", "ada", "--gateway", gateway.url)
    done = pagesieve("mark", *KEYS, *options)
    assert (done.returncode, done.stdout) == (1, f"{KEYS[0]}  duplicate by ada\n")
    assert done.stderr == (
        f"pagesieve: {KEYS[1]}: the log knows no incident with this id. Look for a typing error; "
        "the mark is kept for an incident that only an older archive has\n"
    )
    said = pagesieve("mark", *KEYS, *options, "--json")
    assert (said.returncode, json.loads(said.stdout)["unknown"]) == (1, [KEYS[1]])
    assert len(json.loads(said.stdout)["marked"]) == 2


def test_many_that_no_incident_has_are_one_line_each_to_look_at(gateway: Gateway) -> None:
    keys = [f"inc1:{number:020x}" for number in range(3)]
    gateway.unknown = set(keys)
    done = pagesieve("mark", *keys, "--as", "duplicate", "--by", "ada", "--gateway", gateway.url)
    assert (done.returncode, done.stdout, [line[11:36] for line in done.stderr.splitlines()]) == (1, "", keys)


def test_a_gateway_that_cannot_tell_whether_there_is_such_an_incident_is_said(gateway: Gateway) -> None:
    gateway.unknown = None
    options = ("--as", "duplicate", "--by", "ada", "--gateway", gateway.url)
    done = pagesieve("mark", KEYS[0], *options)
    assert (done.returncode, done.stdout) == (0, f"{KEYS[0]}  duplicate by ada\n")
    assert done.stderr == "pagesieve: the gateway cannot tell whether there is such an incident\n"
    assert json.loads(pagesieve("mark", KEYS[0], *options, "--json").stdout)["unknown"] is None
