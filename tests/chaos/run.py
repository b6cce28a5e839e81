"""One run: everything is started, harmed, left in peace until nothing is on its way, stopped, and judged."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from pipeline.audit import TOPICS_IN_ORDER
from pipeline.core.policy import Policy
from pipeline.log.kafka_recording import KafkaRecording
from pipeline.stream.worker import GROUP
from tests.chaos.diary import Diary
from tests.chaos.parts import Supervisor, environment_of, wait_until
from tests.chaos.plan import Deed, What, plan
from tests.chaos.producer import Ledger, Teller
from tests.chaos.story import POLICY
from tests.chaos.verdict import Verdict, judge, kept
from tests.integration.broker import Broker
from tests.integration.pagerduty import ROUTING_KEY, AcceptThenStall, Drop, PagerDutyEndpoint, Status, Throttle
from tests.integration.plant import COMMAND

WORKERS, GATEWAYS, TELLERS = 3, 2, 4
READY_S = 180.0
# How long nothing at all may change while something is still on its way. A machine may be slow, but it moves.
STUCK_S = 90.0
AUDIT_S = 120.0
SETTLE_S = 2.0  # before a pager is killed: PagerDuty has taken a page meanwhile, and the pager does not know it


class Run:
    """The parts of one run. Use it in a `with`: it ends all that it has started."""

    def __init__(self, seed: int, kills: int, folder: Path) -> None:
        self.seed, self.kills = seed, kills
        self.diary = Diary(folder / "diary.log")
        self.ledger = Ledger()
        self.supervisor = Supervisor(folder, self.diary)
        self.broker = Broker(folder)
        self.pagerduty = PagerDutyEndpoint()
        self._folder = folder
        self._tellers: list[Teller] = []
        self._outage: threading.Timer | None = None

    def play(self) -> Verdict:
        """All of it."""
        self._start()
        began_s = time.monotonic()
        for deed in plan(self.seed, self.kills, list(self.supervisor.parts)):
            time.sleep(deed.after_s)
            self._do(deed)
        took_s = time.monotonic() - began_s
        self.diary.note(f"{self.kills} kills in {took_s:.0f} s; now all is left in peace", is_loud=True)
        if self._outage is not None:
            self._outage.join()
        self.pagerduty.release()
        wait_until(self.supervisor.is_whole, READY_S, self._last_words)
        audited = self._drain()
        codes = ", ".join(f"{times} with {code}" for code, times in sorted(self.supervisor.ended.items())) or "none"
        self.diary.note(
            f"written again after kills, harmless: {audited['repeated']} records; ended by themselves: {codes}",
            is_loud=True,
        )
        problems = [] if self._is_at_rest(audited) else [f"it came to a stop before all was done: {_sums(audited)}"]
        problems += self.supervisor.stop()
        verdict = self._judged()
        verdict.wrong += problems
        for flaw in audited["flaws"].values():
            if flaw["count"]:
                verdict.wrong.append(f"audit: {flaw['count']} {flaw['means']}: {flaw['first']}")
        for problem in (*verdict.count.problems, *verdict.wrong):
            self.diary.note(f"WRONG: {problem}")
        return verdict

    @contextmanager
    def living(self) -> Iterator["Run"]:
        """End everything at the end, whatever happens."""
        with ExitStack() as ended:
            ended.callback(self.broker.close)
            ended.callback(self.pagerduty.close)
            ended.callback(self.supervisor.close)
            ended.callback(self._fall_silent)
            yield self

    def _start(self) -> None:
        self.broker.start()
        self.pagerduty.start()
        policy = self._folder / "policy.yaml"
        policy.write_text(json.dumps(POLICY))  # JSON is YAML
        common = {
            "kafka": self.broker.bootstrap,
            "policy": str(policy),
            "pagerduty_url": self.pagerduty.url,
            "routing_key": ROUTING_KEY,
            "append_timeout_s": "3",
            "snapshot_every_s": "2",
            "watchdog_lag_s": "3600",  # it would page about what is done here, and rightly so
        }
        subprocess.run([COMMAND, "topics", "create"], env=environment_of(**common), check=True, capture_output=True)
        # Some workers keep their place in the group when they come back, some join anew.
        rng = Random(f"{self.seed}/named")  # noqa: S311 - no secret
        named = rng.sample(range(WORKERS), rng.randint(1, WORKERS - 1))
        for number in range(WORKERS):
            name = {"worker_name": f"chaos-{number}"} if number in named else {}
            self.supervisor.add(f"worker-{number}", ["worker"], environment_of(**common, **name))
        for number in range(GATEWAYS):
            self.supervisor.add(f"gateway-{number}", ["gateway"], environment_of(**common))
        self.supervisor.add("pager", ["pager", "--sink", "pagerduty"], environment_of(**common))
        self.supervisor.start()
        wait_until(self.supervisor.is_whole, READY_S, self._last_words)
        urls = [part.url for name, part in self.supervisor.parts.items() if name.startswith("gateway")]
        self._tellers = [Teller(self.seed, number, urls, self.ledger) for number in range(TELLERS)]
        for teller in self._tellers:
            teller.start()

    def _do(self, deed: Deed) -> None:
        match deed.what:
            case What.KILL:
                if deed.whom == "pager":
                    self.pagerduty.misbehave(AcceptThenStall(), times=1)
                    time.sleep(SETTLE_S)
                self.supervisor.kill(deed.whom, deed.for_s)
            case What.STALL:
                self.supervisor.stall(deed.whom, deed.for_s)
            case What.BROKER_KILL | What.BROKER_STOP:
                self.diary.note(f"{deed.what}, away for {deed.for_s:.1f} s")
                (self.broker.kill if deed.what is What.BROKER_KILL else self.broker.stop)()
                time.sleep(deed.for_s)
                self.broker.start()
                self.diary.note("the broker is back")
            case What.OUTAGE:
                self.diary.note(f"{deed.what} for {deed.for_s:.0f} s")
                for what, times in ((Throttle("1"), 5), (Status(500), 5), (Drop(), 3), (Throttle("2"), 100_000)):
                    self.pagerduty.misbehave(what, times)
                self._outage = threading.Timer(deed.for_s, self._end_outage)
                self._outage.start()

    def _fall_silent(self) -> None:
        if self._outage is not None:
            self._outage.cancel()
        for teller in self._tellers:
            teller.close()

    def _end_outage(self) -> None:
        self.diary.note("PagerDuty is back")
        self.pagerduty.release()

    def _drain(self) -> dict[str, Any]:
        """What the audit says once everything is told and nothing is on its way, or once nothing moves any more."""
        for teller in self._tellers:
            teller.end()
        seen, moved_s = "", time.monotonic()
        while True:
            is_told = not any(teller.is_alive() for teller in self._tellers)
            audited = self._audit()
            if is_told and self._is_at_rest(audited):
                return audited
            now = json.dumps([_sums(audited), len(self.ledger.attempts), self.ledger.sent])
            if now != seen:
                seen, moved_s = now, time.monotonic()
                self.diary.note(f"draining: {now}")
            if time.monotonic() - moved_s > STUCK_S:
                return audited
            time.sleep(2.0)

    def _judged(self) -> Verdict:
        recording = KafkaRecording(self.broker.bootstrap, GROUP, TOPICS_IN_ORDER)
        try:
            return judge(kept(recording), Policy.model_validate(POLICY), self.ledger, self.pagerduty)
        finally:
            recording.close()

    def _audit(self) -> dict[str, Any]:
        environment = environment_of(kafka=self.broker.bootstrap)
        done = subprocess.run(
            [COMMAND, "audit", "--json", "--drained"],
            env=environment, capture_output=True, text=True, check=False, timeout=AUDIT_S,
        )  # fmt: skip
        if done.returncode not in {0, 1}:
            raise RuntimeError(f"the audit ended with {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @staticmethod
    def _is_at_rest(audited: dict[str, Any]) -> bool:
        return bool(audited["is_even"] and not audited["incidents_open"] and not audited["pages_open"])

    def _last_words(self) -> str:
        return ", ".join(f"{part.name} is not ready" for part in self.supervisor.parts.values() if not part.is_ready())


def _sums(audited: dict[str, Any]) -> dict[str, Any]:
    """What the audit counted, without its texts."""
    flaws = {name: flaw["count"] for name, flaw in audited["flaws"].items() if flaw["count"]}
    return {name: value for name, value in audited.items() if name not in {"flaws", "oldest_on_the_way_ms"}} | flaws
