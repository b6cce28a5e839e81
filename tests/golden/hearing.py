"""What the records that come out say, in the words of a scene: `opened; page trigger Disk`."""

from collections.abc import Callable, Sequence

from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from pipeline.log import Entry
from pipeline.normalise import normalise
from schemas import Alerts, Control, Decision, Incident, Page, PageKind, Reason, Tick
from schemas.topics import RAW
from tests.golden.script import Scene
from tests.golden.telling import Raw, Restart, Said, Speaker, first_word


def heard(decisions: Sequence[Decision], pages: Sequence[Page]) -> str:
    """One step: why each event was decided so, then each page. A page says its reason where no event says it."""
    reasons = [decision.reason for decision in decisions]
    # Pages of several incidents stand in no order to each other in a log of several partitions.
    told = sorted(pages, key=lambda page: first_word(page.payload.summary))
    return "; ".join([*(reason.value for reason in reasons), *(_page(page, reasons) for page in told)])


def ending(scene: Scene, incidents: Sequence[Incident]) -> list[str]:
    """How each incident stands; and what is told of it, if the scene asks for that."""
    newest = {one.incident_id: one for one in sorted(incidents, key=lambda one: one.revision)}
    in_order = sorted(newest.values(), key=lambda one: (one.opened_at_ms, first_word(one.summary)))
    stands = "; ".join(
        f"{one.state} {first_word(one.summary)}, {_count(one.alerts, 'alert')}, {_count(one.events, 'event')}"
        for one in in_order
    )
    return [stands, *(line for one in in_order for line in _told(one))] if scene.told else [stands]


def play(scene: Scene, rules: Callable[[Scene], Policy], begin_ms: int) -> tuple[list[Said], list[str]]:
    """The scene over the core: what was said, and what each step led to with the ending behind it.

    `rules` gives the policy by which a scene is decided, also where its file says something else in the middle of it.
    """
    triage, speaker = Triage(rules(scene)), Speaker(scene, begin_ms)
    said: list[Said] = []
    lines: list[str] = []
    incidents: list[Incident] = []
    for offset, step in enumerate(scene.steps):
        if step.policy is not None:
            scene = scene.under(step.policy)
            triage, restart = _restarted(triage, scene, rules(scene))
            said.append(restart)
            facts = triage.step([restart.control])
        else:
            record = speaker.say(step, incidents)
            said.append(record)
            facts = triage.step(_records(record, offset, rules(scene)))
        incidents += facts.incidents
        lines.append(heard([one for each in facts.decisions for one in each.decisions], facts.pages))
    return said, [*lines, *ending(scene, incidents)]


def _restarted(triage: Triage, scene: Scene, policy: Policy) -> tuple[Triage, Restart]:
    """What a worker does that starts under another policy: it goes on with the state, and says so in the log."""
    control = Control(at_ms=triage.watermark_ms() or 0, policy=policy.name, rules=policy.content)
    return Triage.restore(None, triage.snapshot()), Restart(scene, control)


def _records(said: Raw | Tick | Control, offset: int, policy: Policy) -> Sequence[Alerts | Tick | Control]:
    if not isinstance(said, Raw):
        return [said]
    normalised = normalise(Entry(RAW.name, 0, offset, said.source, said.body, said.headers, said.at_ms), policy)
    assert not normalised.rejected, normalised.rejected
    return normalised.records


def _page(page: Page, reasons: Sequence[Reason]) -> str:
    details = page.payload.custom_details
    is_plain = details.reason in reasons or (details.kind is PageKind.RESOLVE and details.reason is Reason.RESOLVED)
    because = "" if is_plain else f" ({details.reason})"
    return f"page {details.kind} {first_word(page.payload.summary)}{because}"


def _told(incident: Incident) -> list[str]:
    return [incident.summary, *(f"- {one.name} on {one.subject}: {one.why}" for one in incident.causes)]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
