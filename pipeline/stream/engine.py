"""An engine is a pure function of the prefix of one partition of `alerts`: what it has read, and nothing else."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain
from operator import attrgetter
from typing import NamedTuple, Self

import structlog

from pipeline import metrics
from pipeline.codec import decode, decode_alerts
from pipeline.core.fault import facts_of_fault
from pipeline.core.learned import NOTHING, Learned
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from pipeline.errors import Rejected
from pipeline.log import Draft, Entry
from pipeline.stream.drafts import facts_drafts, rejected_draft, rejection
from pipeline.stream.drift import Drift
from pipeline.stream.heat import Heat
from schemas import Alerts, Control, Page, Reason, Silence, Snapshot, Tick
from schemas.topics import ALERTS

logger = structlog.get_logger("pagesieve.triage")

Recall = Callable[[bytes], Alerts | Tick | Control]  # what stands in `alerts` as these bytes; raises Rejected
_CONTROL = b'{"kind":"control"'
_reason_text = attrgetter("reason._value_")
_UNSCORED = {Reason.DUPLICATE.value}  # mostly all of a batch


class Rules(NamedTuple):
    """What a process was started with, to decide by."""

    policy: Policy
    learned: Learned = NOTHING


class Engine:
    """The triage of one partition and the offset that it reads next."""

    def __init__(self, partition: int, policy: Policy, triage: Triage | None = None, next_offset: int = 0) -> None:
        """`policy` decides until the log says otherwise; that of `triage`, if there is one."""
        self.partition = partition
        self.next_offset = next_offset
        self.is_away = False  # in a thread: nobody may look at its state
        self._triage = triage if triage is not None else Triage(policy)
        self._watch_model()
        heat = self._heat = Heat()
        metrics.TRIAGE_HOTTEST_SCOPE.labels(str(partition)).set_function(lambda: heat.hottest[1])

    @classmethod
    async def restored(cls, partition: int, state: bytes, snapshot: Snapshot, learned: Learned = NOTHING) -> Self:
        """The engine that `snapshot` was taken of. Raises ValueError if `state` is not one that this version reads.

        The policy that decided before goes on deciding until the log names another: what stands behind the snapshot
        may be told already, and is told the same if it is told again.
        """
        # Hundreds of megabytes take their time.
        triage = await asyncio.to_thread(Triage.restore, None, state, learned)
        return cls(partition, triage.policy, triage, snapshot.next_offset)

    def step(self, entries: Sequence[Entry], recall: Recall = decode_alerts) -> list[Draft]:
        """Decide records of `alerts`, in order, and return all that is to be written for them. Never raises.

        Each draft names the record that led to it, so how the log is cut into batches changes nothing. What cannot be
        decoded, or is too large to be written, goes to `alerts.rejected`: one record must not stop all that stand
        behind it. `Triage` makes pages of its own faults; should it raise after all, everything here pages. `recall`
        finds what decoding would.
        """
        if not entries:
            return []
        started_s = time.perf_counter()
        drafts: list[Draft] = []
        led_to: list[tuple[Entry, Facts]] = []
        decided = self._decide(entries, recall)
        if self._triage.learned.version != self._watched:
            self._watch_model()
        for entry, facts in zip(entries, decided, strict=True):
            told = facts if isinstance(facts, Rejected) else _drafts(facts, entry)
            if isinstance(told, Rejected):
                metrics.REJECTED.labels(ALERTS.name).inc()
                drafts.append(rejected_draft(rejection(entry, told)))
            elif isinstance(facts, Facts):
                drafts += told
                led_to.append((entry, facts))
        self._count(led_to)
        metrics.TRIAGE_STEP_SECONDS.observe((time.perf_counter() - started_s) / len(entries))
        return drafts

    async def aside(self, step: Callable[[], list[Draft]]) -> list[Draft]:
        """Do `step`, which steps this engine and must not raise, in a thread."""
        self.is_away = True
        drafts = await asyncio.to_thread(step)
        self.is_away = False  # not if we are cancelled: then the thread is at it still
        return drafts

    def _count(self, led_to: Sequence[tuple[Entry, Facts]]) -> None:
        """Count what was decided, all at once."""
        records = [record for _, facts in led_to for record in facts.decisions]
        self._heat.count(records)
        decisions = list(chain.from_iterable([record.decisions for record in records]))
        # By the text, since to hash a member of an enum takes ten times as long.
        reasons = Counter(map(_reason_text, decisions))
        for reason, events in reasons.items():
            metrics.TRIAGE_DECISIONS.labels(reason).inc(events)
        if not reasons.keys() <= _UNSCORED:
            begun = [(one.scored, one.guard) for one in decisions if one.scored is not None]
            self._drift.count(begun, self.policy)
        if Reason.FAULT.value in reasons:
            for entry, facts in led_to:
                _tell_faults(facts, entry)
        for _, facts in led_to:
            if facts.pages:
                _count_pages(facts.pages)

    def absorb(self, entries: Sequence[Entry]) -> None:
        """Step over records whose outputs are durable already: only the state moves, exactly as `step` moves it."""
        # What failed when it was first read fails again in the same way, and was told then.
        records = [record for entry in entries if not isinstance(record := _read(entry, decode_alerts), Rejected)]
        if entries:
            self.next_offset = entries[-1].offset + 1
        with suppress(Exception):
            self._triage.step(records)

    def _decide(self, entries: Sequence[Entry], recall: Recall) -> list[Facts | Rejected]:
        """What each record led to, or why it led to nothing."""
        self.next_offset = entries[-1].offset + 1
        read = [_read(entry, recall) for entry in entries]
        try:
            found = iter(self._triage.step_each([record for record in read if not isinstance(record, Rejected)]))
        except Exception as exc:
            # `Triage` sees to its own faults; there is no known way here. What it had decided is gone with it.
            logger.exception("fault: triage failed", partition=self.partition, offset=entries[0].offset)
            metrics.FAULTS.labels("triage").inc()
            return [self._fault(record, type(exc).__name__) for record in read]
        return [record if isinstance(record, Rejected) else next(found) for record in read]

    def _fault(self, record: Alerts | Tick | Control | Rejected, error: str) -> Facts | Rejected:
        """In doubt, all of it pages."""
        if isinstance(record, Rejected):
            return record
        try:
            return facts_of_fault(record, error, self.policy) if isinstance(record, Alerts) else Facts([], [], [])
        except Exception as exc:  # not even that: it is kept, and said
            return Rejected(f"a fault of pagesieve: {error}, then {type(exc).__name__}")

    def hear_silences(self, entries: Iterable[Entry], before_ms: int) -> None:
        """Let a state that begins in the middle of the log know the silences of `entries` last changed before then.

        Later ones stand in the log as controls, and are heard there when it was their turn.
        """
        for entry in entries:
            with suppress(Rejected):  # a tombstone, or what something newer wrote: it silences nothing
                silence = decode(Silence, entry.value)
                if silence.updated_at_ms < before_ms:
                    self._triage.step([Control(at_ms=silence.updated_at_ms, silence=silence)])

    def is_due(self, tellable_ms: int) -> bool:
        """Whether a tick at `tellable_ms` may change something; a log must not grow while nothing happens."""
        deadline_ms = None if self.is_away else self._triage.next_deadline_ms()
        return deadline_ms is not None and deadline_ms <= tellable_ms

    def _watch_model(self) -> None:
        """Measure drift against what the model that decides now was taught with."""
        learned = self._triage.learned
        self._watched, self._drift = learned.version, Drift(self.partition, learned.expected)
        metrics.MODEL_TRAINED.clear()  # one that decides no more is no age to alert on, and neither is none
        if learned.scorer.trained_at_ms:
            metrics.MODEL_TRAINED.labels(learned.scorer.version or "").set(learned.scorer.trained_at_ms / 1000)

    def control_of(self, rules: Rules) -> Control | None:
        """By which `rules` decide from where it stands in the log; None: they do already.

        That it stands there, the policy whole, lets whoever reads this again decide each record by what decided it:
        what was told stays told, and what was not is not taken for it. Under another policy all that is quiet is asked
        again.
        """
        if self.is_away:
            return None
        at_ms = self.watermark_ms() or 0  # later, it would tell the time, too
        (policy, learned), before = rules, self._triage
        changes: dict[str, str] = {}
        if before.policy.name != policy.name:
            changes |= {"policy": policy.name, "rules": policy.content}
            logger.warning(
                "another policy decides from here on: what is open stays open, and what is quiet is judged anew",
                partition=self.partition,
                before=before.policy.name,
                policy=policy.name,
            )
        if before.model != learned.version:
            changes |= {"model": learned.version or ""}
            logger.warning(
                "another model decides from here on: what was decided stays",
                partition=self.partition,
                before=before.model,
                model=learned.version,
            )
        return Control.model_validate({"at_ms": at_ms} | changes) if changes else None

    @property
    def policy(self) -> Policy:
        """What decides at `next_offset`."""
        return self._triage.policy

    def watermark_ms(self) -> int | None:
        """The newest event time that it has seen."""
        return None if self.is_away else self._triage.watermark_ms()

    def snapshot(self) -> bytes:
        """The state at `next_offset`."""
        return self._triage.snapshot()


def may_take_long(entries: Iterable[Entry]) -> bool:
    """Whether to step these may take seconds: a control may let all be looked at again that is quiet.

    2.4 s for 100,000 alerts under a new policy with ten routes and an inhibition (one step of `Triage`, two shared
    cores), and the group takes a worker for dead that says nothing for six.
    """
    return any(entry.value.startswith(_CONTROL) for entry in entries)


def _read(entry: Entry, recall: Recall) -> Alerts | Tick | Control | Rejected:
    try:
        return recall(entry.value)
    except Rejected as exc:
        logger.warning("rejected", partition=entry.partition, offset=entry.offset, why=str(exc))
        return exc.bare()


def _drafts(facts: Facts, entry: Entry) -> list[Draft] | Rejected:
    """What is to be written, or why it cannot be."""
    try:
        return facts_drafts(facts, entry.partition, entry.offset)
    except Rejected as exc:
        logger.warning("rejected", partition=entry.partition, offset=entry.offset, why=str(exc))
        return exc.bare()


def _tell_faults(facts: Facts, entry: Entry) -> None:
    for record in facts.decisions:
        for decision in record.decisions:
            if decision.reason is Reason.FAULT:
                metrics.FAULTS.labels("triage").inc()
                logger.error(
                    "fault: triage failed on an event and paged for it",
                    partition=entry.partition,
                    offset=entry.offset,
                    fingerprint=decision.fingerprint,
                    incident_id=decision.incident_id,
                )


def _count_pages(pages: Sequence[Page]) -> None:
    for page in pages:
        metrics.TRIAGE_PAGES.labels(page.payload.custom_details.kind).inc()
