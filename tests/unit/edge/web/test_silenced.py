"""What is silenced after it was paged is shown so, until when and by whom; in doubt it is shown as it fires."""

import time
from typing import Any

import pytest

from pipeline.core.policy import Policy
from pipeline.core.silence import REMEMBERED_MS
from pipeline.edge.web.live import Live
from pipeline.edge.web.row import Row
from pipeline.edge.web.silenced import Silenced, Silences
from pipeline.log.entry import Entry
from tests.unit.edge.web.scene import HOUR_MS, NOW_MS, entry, incident, silence, site

pytestmark = pytest.mark.anyio


def member(name: str, status: str = "firing", severity: str = "error", **labels: str) -> dict[str, Any]:
    times = {"starts_at_ms": 0, "first_at_ms": 0}
    return {
        "fingerprint": f"fp1:{name}",
        "name": name,
        "labels": labels,
        "severity": severity,
        "status": status,
        **times,
    }


def silenced(*entries: Entry, now_ms: int = NOW_MS, policy: Policy | None = None) -> Silenced | None:
    live = Live(silences=Silences(policy.silences if policy is not None else ()))
    for one in entries:
        live.take(one)
    [row] = live.listed().rows
    return live.silences.over(row, now_ms)


def disks(*hosts: str, **more: Any) -> Entry:
    members = [member("DiskFull", host=host) for host in hosts]
    fields: dict[str, Any] = {"members": members, "firing": len(hosts), "alerts": len(hosts)}
    return entry(incident(1, **fields | more))


def test_a_silence_set_after_the_page_is_said_whichever_of_both_is_read_first() -> None:
    said = silence('alertname="DiskFull"')
    for entries in ([disks("a"), said], [said, disks("a")]):
        found = silenced(*entries)
        assert found is not None
        assert (found.is_all, found.until_ms, found.by, found.comment) == (True, NOW_MS + HOUR_MS, "ada", "work on it")


def test_it_is_said_from_when_it_begins_until_it_ends_or_is_expired() -> None:
    said = silence('host="a"', since_ms=NOW_MS, until_ms=NOW_MS + 10)
    spans = [silenced(disks("a"), said, now_ms=now_ms) is not None for now_ms in (NOW_MS - 1, NOW_MS, NOW_MS + 10)]
    assert spans == [False, True, False]
    expired = silence('host="a"', until_ms=NOW_MS, updated_at_ms=NOW_MS)
    for entries in ([silence('host="a"'), expired], [expired, silence('host="a"')]):
        assert silenced(disks("a"), *entries) is None


def test_a_part_that_is_silenced_is_counted_and_the_rest_goes_on_burning() -> None:
    found = silenced(disks("a", "b", "c"), silence('host=~"a|b"'))
    assert found is not None
    assert (found.is_all, found.alerts, found.firing) == (False, 2, 3)


def test_of_alerts_that_are_not_listed_nothing_is_claimed() -> None:
    found = silenced(disks("a", firing=40, alerts=40, unlisted=39), silence('host=~".*"'))
    assert found is not None
    assert (found.is_all, found.alerts, found.firing, found.is_least) == (False, 1, 40, True)


def test_alerts_that_are_over_need_no_silence_and_an_incident_that_is_over_has_none() -> None:
    members = [member("DiskFull", host="a"), member("DiskFull", status="resolved", host="b")]
    found = silenced(disks("a", members=members, firing=1, alerts=2), silence('host="a"'))
    assert found is not None
    assert found.is_all
    assert silenced(disks("a", state="resolved", firing=0), silence('host="a"')) is None
    assert silenced(disks("a", firing=0), silence('host="a"')) is None


def test_of_several_silences_the_alert_that_is_heard_first_says_until_when() -> None:
    short = silence('host="a"', id="s1", until_ms=NOW_MS + 10)
    longer = silence('host="a"', id="s2", until_ms=NOW_MS + 20, created_by="ben")
    longest = silence('host="b"', id="s3", until_ms=NOW_MS + 99, created_by="cem")
    found = silenced(disks("a", "b"), short, longer, longest)
    assert found is not None
    assert (found.is_all, found.until_ms, found.by) == (True, NOW_MS + 20, "ben")


def test_severity_and_name_can_be_silenced_though_the_source_has_no_such_labels() -> None:
    assert silenced(disks("a"), silence('severity="error"', 'alertname="DiskFull"')) is not None
    assert silenced(disks("a"), silence('severity="critical"')) is None


def test_the_policys_own_silences_count_and_those_without_end_have_none() -> None:
    policy = Policy.model_validate({"silences": [{"match": 'host="a"', "starts_at": "2023-01-01T00:00:00Z"}]})
    found = silenced(disks("a"), policy=policy)
    assert found is not None
    assert (found.is_all, found.until_ms, found.by) == (True, None, "the policy")


def test_more_silences_than_are_kept_lose_the_one_that_ends_first() -> None:
    known = Silences((), most=2)
    for number in range(3):
        said = silence(f'host="{number}"', id=f"s{number}", until_ms=NOW_MS + 10 - number)
        known.take(said)
    assert [known.over(row(f"{n}"), NOW_MS) is not None for n in range(3)] == [True, True, False]


def row(host: str) -> Row:
    live = Live()
    live.take(disks(host))
    return live.listed().rows[0]


def test_labels_longer_than_are_kept_are_not_claimed_to_be_silenced() -> None:
    found = silenced(disks("a", "b" * 100_000), silence('host=~".+"'))
    assert found is not None
    assert (found.is_all, found.alerts, found.is_least) == (False, 1, True)


def test_of_what_is_cut_where_it_is_told_nothing_is_claimed_since_the_alert_may_say_otherwise() -> None:
    long = disks("a", members=[member("DiskFull", path="x" * 199 + "…"), member("y" * 199 + "…")], firing=2, alerts=2)
    assert silenced(long, silence('path!~".*prod"')) is None
    many = disks("a", members=[member("DiskFull", **{f"label{n}": "1" for n in range(64)})], firing=1)
    assert silenced(many, silence('team!="payments"')) is None


def test_silences_that_ended_long_ago_are_forgotten_and_a_change_counts_at_once() -> None:
    known = Silences(())
    known.take(silence('host="a"', id="old", until_ms=NOW_MS))
    assert known.over(row("a"), NOW_MS) is None
    known.take(silence('host="a"', id="new"))
    assert known.over(row("a"), NOW_MS) is not None
    again = silence('host="a"', id="new", updated_at_ms=1, until_ms=NOW_MS + 9 * REMEMBERED_MS)
    later_ms = NOW_MS + HOUR_MS + REMEMBERED_MS
    known.take(again)  # older than what is known of it
    assert known.over(row("a"), later_ms) is None
    known.over(row("a"), later_ms + 1)
    known.take(again)
    assert known.over(row("a"), later_ms + 1) is not None


async def test_the_list_and_the_incident_say_so_and_no_longer_that_it_pages_again() -> None:
    now_ms = time.time_ns() // 1_000_000
    said = silence('host="a"', since_ms=now_ms - 5, until_ms=now_ms + HOUR_MS)
    async with site() as (made, client):
        made.live.take(disks("a", opened_at_ms=now_ms))
        before = await client.get("/ui/")
        made.live.take(said)
        listing, story = await client.get("/ui/"), await client.get(f"/ui/incidents/{incident(1).incident_id}")
    assert "silenced" not in before.text
    for answer in (listing, story):
        assert ">firing, silenced<" in answer.text
        assert "by ada" in answer.text
        assert "may page again" in answer.text
        assert "ends when its alerts resolve" not in answer.text
    assert "work on it" in story.text
