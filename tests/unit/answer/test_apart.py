"""Two alerts of one incident never read alike where a label tells them apart, and no more is said than needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answer.apart import told_apart
from pipeline.answer.named import Named
from pipeline.codec import decode
from pipeline.core.apart import distinguishing
from pipeline.core.policy import Policy
from schemas import Page, Severity
from schemas.topics import PAGES
from tests.unit.answer.recorded import Told, event, incident_ids, recorded, said
from tests.unit.edge.web.scene import ids, site

DISKS = (
    (0, [event("DiskFull", cluster="eu", host="db-1", device="sda1", uid="77aa")]),
    (2, [event("DiskFull", cluster="eu", host="db-1", device="sdb1", uid="18cd")]),
    (4, [event("DiskFull", cluster="eu", host="db-2", device="sda1", uid="09ef")]),
)
POLICY = Policy(group_by=("cluster",))


@pytest.mark.parametrize(
    ("alerts", "labels"),
    [
        ([{"a": "1", "b": "x"}, {"a": "2", "b": "x"}], ("a",)),
        ([{"a": "long value", "b": "x"}, {"a": "another value", "b": "y"}], ("b",)),  # the shorter to read
        ([{"a": "1"}, {}], ("a",)),
        ([{"a": "1", "b": "1"}, {"a": "1", "b": "2"}, {"a": "2", "b": "1"}, {"a": "2", "b": "2"}], ("a", "b")),
        ([{"a": "1"}, {"a": "1"}], ()),  # nothing does: two monitors say the same
        ([{"a": "1", "b": "x"}, {"a": "1", "b": "x"}, {"a": "2", "b": "y"}], ("a",)),  # as far as any does
        (
            [{"a": "x" * 50 + "1", "b": "a long one that differs 1"}, {"a": "x" * 50 + "2", "b": "a long one too"}],
            ("b",),
        ),
    ],
)
def test_as_few_labels_as_tell_them_apart(alerts: list[dict[str, str]], labels: tuple[str, ...]) -> None:
    assert distinguishing(alerts) == labels


@given(st.lists(st.dictionaries(st.sampled_from("abcdefghijklmnopq"), st.sampled_from("12"), max_size=17), max_size=12))
def test_they_are_told_apart_as_well_as_by_all_their_labels(alerts: list[dict[str, str]]) -> None:
    names = {str(number): Named("Disk", labels, Severity.ERROR) for number, labels in enumerate(alerts)}
    alike = {str(one) for one in names.values()}
    read = [str(one) for one in told_apart(names).values()]
    whole = {tuple(sorted(labels.items())) for labels in alerts}
    assert len(set(read)) == len(whole)
    assert len(alike) <= 1


def test_explain_tells_apart_what_would_read_alike_in_its_causes_and_among_its_alerts() -> None:
    log = recorded(*DISKS, policy=POLICY)
    lines = said(log, incident_ids(log)[0])
    assert [line.partition(":")[0].split("cause")[-1].strip() for line in lines[5:8]] == [
        "DiskFull on db-1 (device=sda1)",
        "DiskFull on db-1 (device=sdb1)",
        "DiskFull on db-2",
    ]
    assert [line[16:].partition("  ")[0] for line in lines if " eu" not in line and line.startswith("  22")] == [
        "DiskFull on db-1 (device=sda1)",
        "DiskFull on db-1 (device=sdb1)",
        "DiskFull on db-2",
    ]
    assert any("opened by DiskFull on db-1 (device=sda1) (" in line for line in lines)


def test_so_does_what_the_pager_gets() -> None:
    [*_, last] = [decode(Page, one.value) for one in recorded(*DISKS, event_worse(), policy=POLICY).read(PAGES.name)]
    assert sorted(one.subject for one in last.payload.custom_details.causes) == list(APART)


def event_worse() -> Told:
    """It pages again, of all of them."""
    return 6, [event("DiskFull", cluster="eu", host="db-2", device="sda1", uid="09ef", severity="error")]


@pytest.mark.anyio
async def test_so_does_the_page_in_its_causes_and_its_timeline() -> None:
    async with site(*DISKS, policy=POLICY) as (_, client):
        [key] = ids((await client.get("/ui/")).text)
        text = (await client.get(f"/ui/incidents/{key}")).text
    causes = text.partition('<ol class="causes">')[2].partition("</ol>")[0]
    timeline = text.partition('<ol class="timeline">')[2].partition("</ol>")[0]
    for part in (causes, timeline):
        assert [part.count(f"<strong>DiskFull on {one}</strong>") for one in APART] == [1, 1, 1]


APART = ("db-1 (device=sda1)", "db-1 (device=sdb1)", "db-2")
