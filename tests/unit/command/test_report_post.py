"""`report --post` reaches every place that is named, says which it did not, and gives away no secret."""

import json
from pathlib import Path

import pytest

from tests.unit.command.test_command_line import complaint, pagesieve
from tests.unit.edge.post.stage import AUTHORITY, PASSWORD, USER, hook, mail_server

PRIVATE = "s3cr3t"  # of every loopback webhook's address
BEARER = "t0ken"
SAMPLE = ("report", "--sample", "--post")


def test_slack_teams_a_webhook_and_people_all_get_the_report_and_the_folder_too(tmp_path: Path) -> None:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "password").write_text(PASSWORD + "\n")
    with hook() as slack, hook() as teams, hook() as other, mail_server() as box:
        (tmp_path / "teams").write_text(teams.url + "\n")
        done = pagesieve(
            *SAMPLE,
            *("--out", tmp_path / "out"),
            PAGESIEVE_POST_SLACK_URL=slack.url,
            PAGESIEVE_POST_TEAMS_URL_FILE=str(tmp_path / "teams"),
            PAGESIEVE_POST_WEBHOOK_URL=other.url,
            PAGESIEVE_POST_WEBHOOK_TOKEN=BEARER,
            PAGESIEVE_POST_SMTP=f"127.0.0.1:{box.port}",
            PAGESIEVE_POST_SMTP_USER=USER,
            PAGESIEVE_POST_SMTP_PASSWORD_FILE=str(tmp_path / "password"),
            PAGESIEVE_POST_MAIL_FROM="Pagesieve <pagesieve@example.com>",
            PAGESIEVE_POST_MAIL_TO="a@example.com, b@example.com",
            PAGESIEVE_POST_LINK="https://reports.example.com/{week}.html",
            SSL_CERT_FILE=str(tmp_path / "ca.pem"),
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if line.startswith("posted")] == [
        f"posted to {name}" for name in ("Slack", "Teams", "webhook", "mail")
    ]
    whole = (tmp_path / "out" / "2026-W47.html").read_text()
    link = "https://reports.example.com/2026-W47.html"
    assert link in json.loads(slack.bodies[0])["blocks"][-1]["text"]["text"]
    assert json.loads(teams.bodies[0])["attachments"][0]["content"]["actions"][0]["url"] == link
    told = json.loads(other.bodies[0])
    assert told["report"] == json.loads((tmp_path / "out" / "2026-W47.json").read_text())
    assert other.headers[0]["authorization"] == f"Bearer {BEARER}"
    [letter] = box.letters
    assert (box.was_encrypted, box.recipients) == ([True], [["a@example.com", "b@example.com"]])
    assert letter["Subject"].startswith("On call 2026-W47: ")
    [beside] = letter.iter_attachments()
    assert beside.get_content().replace("\r\n", "\n") == whole
    assert PRIVATE not in done.stdout


def test_who_cannot_be_reached_is_named_and_the_others_have_it(tmp_path: Path) -> None:
    with hook() as teams:
        done = pagesieve(
            *SAMPLE,
            *("--out", tmp_path / "out"),
            PAGESIEVE_POST_SLACK_URL=f"http://127.0.0.1:1/{PRIVATE}",
            PAGESIEVE_POST_TEAMS_URL=teams.url,
            PAGESIEVE_POST_TRIES="2",
        )
    assert done.returncode == 3
    assert len(teams.bodies) == 1
    assert "posted to Teams" in done.stdout
    assert (tmp_path / "out" / "2026-W47.html").is_file()
    [warning, said] = done.stderr.splitlines()
    assert json.loads(warning)["event"] == "not posted yet"
    assert said == "pagesieve: not posted: Slack at 127.0.0.1: it cannot be reached (ConnectError); tried 2 times"
    assert PRIVATE not in done.stdout + done.stderr


def test_who_refuses_it_is_quoted_and_the_setting_named() -> None:
    with hook() as slack:
        slack.answers = [(404, {}, b"no_service")]
        done = pagesieve(*SAMPLE, PAGESIEVE_POST_SLACK_URL=f"{slack.url}\n")
    assert done.returncode == 2
    assert done.stderr == (
        "pagesieve: not posted: Slack at 127.0.0.1 refused it with 404: no_service; see PAGESIEVE_POST_SLACK_URL\n"
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "--post: say where to: PAGESIEVE_POST_SLACK_URL"),
        ({"PAGESIEVE_POST_SLACK_URL": " "}, "--post: say where to"),
        ({"PAGESIEVE_POST_SMTP": "mail.example"}, "PAGESIEVE_POST_SMTP needs PAGESIEVE_POST_MAIL_FROM and …_MAIL_TO"),
        (
            {"PAGESIEVE_POST_SMTP": "mail:x", "PAGESIEVE_POST_MAIL_FROM": "a@b", "PAGESIEVE_POST_MAIL_TO": "a@b"},
            "PAGESIEVE_POST_SMTP: expected a host, or host:port",
        ),
        ({"PAGESIEVE_POST_SMTP_SECURITY": "some"}, "PAGESIEVE_POST_SMTP_SECURITY: Input should be"),
        ({"PAGESIEVE_POST_LINK": "reports"}, "PAGESIEVE_POST_LINK: "),
        (
            {"PAGESIEVE_POST_SLACK_URL_FILE": "/nowhere"},
            "PAGESIEVE_POST_SLACK_URL_FILE /nowhere: No such file",
        ),
    ],
)
def test_a_place_that_cannot_be_right_is_said_before_any_work_is_done(environment: dict[str, str], said: str) -> None:
    assert said in complaint(pagesieve(*SAMPLE, **environment), 2)


def test_a_report_that_would_go_nowhere_is_misuse() -> None:
    assert "--out DIR, --post, or both" in complaint(pagesieve("report", "--sample"), 2)
