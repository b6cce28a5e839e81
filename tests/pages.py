"""Pages as the tests of the pager tell them, and the entries in which they stand."""

from pipeline.codec import encode
from pipeline.log.entry import Draft, Entry
from schemas import Page, PageAlert, PageDetails, PageKind, PageLink, PagePayload, Reason, Status
from schemas.topics import PAGES


def page(incident_id: str, action: str = "trigger", revision: int = 1, team: str | None = None) -> Page:
    is_over = action == "resolve"
    alert = PageAlert(
        name="DiskFull",
        labels={"alertname": "DiskFull", "host": "a"},
        severity="critical",
        status=Status.RESOLVED if is_over else Status.FIRING,
        starts_at="2026-11-23T10:00:00Z",
    )
    details = PageDetails(
        incident_id=incident_id,
        revision=revision,
        kind=PageKind.RESOLVE if is_over else PageKind.TRIGGER,
        reason=Reason.RESOLVED if is_over else Reason.OPENED,
        why=(Reason.RESOLVED if is_over else Reason.OPENED).sentence,
        scope="default",
        team=team,
        alert_count=1,
        firing=0 if is_over else 1,
        alerts=(alert,),
        policy_version="1",
    )
    payload = PagePayload(
        summary=f"DiskFull on a ({incident_id})",
        source="a",
        severity="critical",
        timestamp="2026-11-23T10:00:00Z",
        custom_details=details,
    )
    links = (PageLink(href="https://prometheus.internal/graph", text="Prometheus"),)
    return Page.model_validate(
        {"event_action": action, "dedup_key": incident_id, "payload": payload.model_dump(), "links": links}
    )


def draft(told: Page) -> Draft:
    return Draft(PAGES.name, told.dedup_key, encode(told))


def entry(told: Page, offset: int = 0, partition: int = 0, caused_at: int | None = None) -> Entry:
    """`caused_at`: the offset in `alerts` of what caused the page."""
    headers = {} if caused_at is None else {"log_partition": "0", "log_offset": str(caused_at)}
    return Entry(PAGES.name, partition, offset, told.dedup_key, encode(told), headers, 0)
