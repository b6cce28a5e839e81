"""What people did about an incident, and what they say it was: what of that stands, and what follows from it."""

from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Control, Incident, IncidentState, Outcome, Verdict
from tests.scene import Told, alert, at, ms, resolved

POLICY = Policy(group_by=("cluster",), repeat_after=600, resolve_after=60, reopen_within=600, expire_after=86_400)
DISK = alert("Disk", cluster="eu")


class Scene:
    """One incident, and what is said of it."""

    def __init__(self) -> None:
        self.triage = Triage(POLICY)
        self.pages: list[str] = []
        [opened] = self.play(0, DISK).incidents
        self.key = opened.incident_id
        self.now = opened

    def play(self, seconds: float, *told: Told) -> Facts:
        return self._keep(self.triage.step(at(seconds, *told, policy=POLICY)))

    def say(self, seconds: float, verdict: Verdict, by: str = "ada", **more: object) -> list[Incident]:
        """What is said at that time; done then too, unless `done` says when."""
        done = more.pop("done", seconds)
        assert isinstance(done, (int, float))
        said = {"incident_id": self.key, "verdict": verdict, "by": by, "via": "pagerduty", "at_ms": ms(done), **more}
        return self._keep(
            self.triage.step([Control(at_ms=ms(seconds), outcome=Outcome.model_validate(said))])
        ).incidents

    def _keep(self, facts: Facts) -> Facts:
        self.pages += [page.payload.custom_details.reason.value for page in facts.pages]
        if facts.incidents:
            self.now = facts.incidents[-1]
        return facts


def test_an_acknowledgement_ends_the_repeats_and_is_shown_with_who_gave_it() -> None:
    scene = Scene()
    [told] = scene.say(10, Verdict.ACKNOWLEDGED)
    assert (told.state, told.acknowledged_by, told.revision) == (IncidentState.ACKNOWLEDGED, "ada", 2)
    assert told.outcome is not None
    assert (told.outcome.verdict, told.outcome.by, told.mark) == (Verdict.ACKNOWLEDGED, "ada", None)
    scene.play(5000)
    assert scene.pages == ["opened"]


def test_an_acknowledgement_that_is_taken_back_lets_the_page_repeat_from_then_on() -> None:
    scene = Scene()
    scene.say(10, Verdict.ACKNOWLEDGED)
    [told] = scene.say(2000, Verdict.UNACKNOWLEDGED, by="pagerduty", is_person=False)
    assert (told.state, told.acknowledged_by) == (IncidentState.OPEN, None)
    assert told.outcome is not None
    assert told.outcome.by == "ada"  # what a person did last still stands
    scene.play(2599)
    assert scene.pages == ["opened"]
    scene.play(2600)
    assert scene.pages == ["opened", "repeated"]


def test_an_acknowledgement_told_again_after_it_was_taken_back_does_not_quieten() -> None:
    scene = Scene()
    scene.say(10, Verdict.ACKNOWLEDGED, id="out1:a")
    scene.say(20, Verdict.UNACKNOWLEDGED, id="out1:b")
    assert scene.say(30, Verdict.ACKNOWLEDGED, id="out1:a", done=10) == []
    assert scene.now.state is IncidentState.OPEN


def test_an_acknowledgement_told_again_after_the_incident_reopened_does_not_quieten() -> None:
    scene = Scene()
    scene.say(10, Verdict.ACKNOWLEDGED, id="out1:a")
    scene.play(20, resolved("Disk", cluster="eu"))
    scene.play(100)
    scene.play(110, DISK)
    assert (scene.now.state, scene.now.reopened) == (IncidentState.OPEN, 1)
    assert scene.say(120, Verdict.ACKNOWLEDGED, id="out1:a", done=10) == []
    [told] = scene.say(130, Verdict.ACKNOWLEDGED, id="out1:c")
    assert told.state is IncidentState.ACKNOWLEDGED


def test_who_resolves_in_pagerduty_what_still_fires_is_called_again() -> None:
    scene = Scene()
    [told] = scene.say(10, Verdict.RESOLVED)
    assert told.state is IncidentState.OPEN
    assert told.outcome is not None
    assert told.outcome.verdict is Verdict.RESOLVED
    scene.play(600)
    assert scene.pages == ["opened", "repeated"]


def test_who_takes_on_and_then_resolves_in_pagerduty_what_still_fires_is_called_again() -> None:
    scene = Scene()
    scene.say(10, Verdict.ACKNOWLEDGED)
    [told] = scene.say(2000, Verdict.RESOLVED)
    assert (told.state, told.acknowledged_by) == (IncidentState.OPEN, None)
    scene.play(2600)
    assert scene.pages == ["opened", "repeated"]


def test_a_person_wins_over_a_program_and_the_latest_wins() -> None:
    scene = Scene()
    marks = [
        (10, Verdict.NOT_ACTIONABLE, "bot", False, Verdict.NOT_ACTIONABLE),
        (20, Verdict.ACTIONABLE, "ada", True, Verdict.ACTIONABLE),
        (30, Verdict.FALSE_POSITIVE, "bot", False, Verdict.ACTIONABLE),
        (40, Verdict.POOR_DETAILS, "ben", True, Verdict.POOR_DETAILS),
    ]
    for seconds, verdict, by, is_person, stands in marks:
        scene.say(seconds, verdict, by=by, is_person=is_person)
        assert scene.now.mark is not None
        assert scene.now.mark.verdict is stands
    assert scene.say(50, Verdict.DUPLICATE, done=35) == []  # it was said before the last
    assert scene.pages == ["opened"]


def test_a_person_wins_over_a_program_also_if_it_is_heard_late_but_quietens_nothing_then() -> None:
    scene = Scene()
    scene.say(20, Verdict.UNACKNOWLEDGED, by="bot", is_person=False)
    scene.say(20, Verdict.ACTIONABLE, by="bot", is_person=False)
    scene.say(30, Verdict.ACKNOWLEDGED, done=10)
    scene.say(30, Verdict.DUPLICATE, done=10)
    assert scene.now.outcome is not None
    assert scene.now.mark is not None
    assert (scene.now.outcome.by, scene.now.mark.verdict) == ("ada", Verdict.DUPLICATE)
    assert (scene.now.state, scene.now.acknowledged_by) == (IncidentState.OPEN, None)


def test_a_note_does_not_hide_a_mark_and_the_same_mark_again_is_no_news() -> None:
    scene = Scene()
    scene.say(10, Verdict.NOT_ACTIONABLE, note="a backup")
    assert scene.say(20, Verdict.NOT_ACTIONABLE, note="a backup") == []
    [told] = scene.say(30, Verdict.ANNOTATED, note="looked at it")
    assert told.mark is not None
    assert told.outcome is not None
    assert (told.mark.note, told.outcome.note) == ("a backup", "looked at it")


def test_a_mark_after_the_end_is_told_while_the_incident_is_remembered_and_names_nobody_once_it_is_forgotten() -> None:
    scene = Scene()
    scene.play(20, resolved("Disk", cluster="eu"))
    scene.play(100)
    [told] = scene.say(200, Verdict.NOT_ACTIONABLE)
    assert (told.state, told.mark and told.mark.by, told.firing) == (IncidentState.RESOLVED, "ada", 0)
    assert scene.pages == ["opened", "resolved"]
    scene.play(5000)
    assert scene.say(5010, Verdict.ACTIONABLE) == []
    assert b"ada" not in scene.triage.snapshot()
