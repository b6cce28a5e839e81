"""The contract: every record that stands on a topic. Imports nothing of ours."""

from schemas.alert import Alert, Alerts, Severity, Status
from schemas.change import Change, ChangeLink
from schemas.control import Control, Silence
from schemas.decision import Decision, Decisions, Reason
from schemas.guard import Guard
from schemas.held import Held
from schemas.incident import Cause, Incident, IncidentState, Member
from schemas.outcome import Outcome, Verdict
from schemas.page import Delivery, Page, PageAlert, PageCause, PageChange, PageDetails, PageKind, PageLink, PagePayload
from schemas.rejected import Rejected
from schemas.score import Score
from schemas.snapshot import Chunk, Snapshot
from schemas.tick import Tick
from schemas.why import Shared, Why

__all__ = [
    "Alert",
    "Alerts",
    "Cause",
    "Change",
    "ChangeLink",
    "Chunk",
    "Control",
    "Decision",
    "Decisions",
    "Delivery",
    "Guard",
    "Held",
    "Incident",
    "IncidentState",
    "Member",
    "Outcome",
    "Page",
    "PageAlert",
    "PageCause",
    "PageChange",
    "PageDetails",
    "PageKind",
    "PageLink",
    "PagePayload",
    "Reason",
    "Rejected",
    "Score",
    "Severity",
    "Shared",
    "Silence",
    "Snapshot",
    "Status",
    "Tick",
    "Verdict",
    "Why",
]
