"""What triage does about its own faults, and about what nobody sane would send: it pages, and goes on."""

from contextlib import suppress

import pytest

from pipeline.codec import encode
from pipeline.core import memory
from pipeline.core.fingerprint import code_of
from pipeline.core.policy import Policy
from pipeline.core.snapshot import VERSION
from pipeline.core.triage import Triage
from schemas import Alerts, Control, Reason, Silence
from tests.scene import POLICY, alert, at, decided, ms, play, reasons, resolved

DISK = alert("disk", cluster="eu", host="a")
CPU = alert("cpu", cluster="eu", host="b")
DISK_OVER = resolved("disk", cluster="eu", host="a")


def test_a_fault_of_ours_pages_every_firing_alert_and_the_next_record_is_decided() -> None:
    triage = Triage(POLICY)
    triage.step(at(0, DISK))
    [scope] = triage._scopes.values()
    scope.alerts.remove(scope.alerts.at(code_of(decided(play(at(0, DISK)))[0].fingerprint)))  # its incident names it
    facts = Triage.restore(POLICY, triage.snapshot()).step([*at(1, CPU, DISK_OVER), *at(2, alert("net", cluster="us"))])
    assert reasons(facts)[:2] == [Reason.FAULT, Reason.FAULT]
    page = facts.pages[0]
    assert page.payload.summary == "cpu"
    assert "KeyError" in page.payload.custom_details.why
    assert [decision.paged for decision in decided(facts)][:2] == [True, False]


def test_a_fault_of_ours_when_something_is_due_pages_too() -> None:
    triage = Triage(POLICY)
    triage.step([*at(0, DISK), *at(10, DISK_OVER)])
    [scope] = triage._scopes.values()
    [incident] = scope.state.incidents.values()
    incident.members[0] = 0  # impossible: no alert has this code
    facts = triage.step([*at(100), *at(101), *at(102, CPU)])
    (first, *_) = facts.pages
    assert (first.payload.summary.split(":")[0], first.payload.severity) == ("PagesieveFault", "critical")
    assert reasons(facts)[-1] in {Reason.OPENED, Reason.FAULT}


def test_what_is_no_fingerprint_or_no_time_pages_and_the_others_are_decided() -> None:
    [good] = at(0, DISK)
    [strange] = at(1, CPU)
    [other] = at(2, alert("net", cluster="eu"))
    wrong = (
        {"fingerprint": "fp9:0"},
        {"fingerprint": "fp1:00000000000000 1"},
        {"at_ms": 1 << 62},
        {"starts_at_ms": 1 << 80},
    )
    for update in wrong:
        assert isinstance(strange, Alerts)
        broken = strange.model_copy(update={"alerts": (strange.alerts[0].model_copy(update=update),)})
        facts = Triage(POLICY).step([good, broken, other])
        assert reasons(facts) == [Reason.OPENED, Reason.FAULT, Reason.JOINED]
        assert [page.payload.custom_details.reason for page in facts.pages].count(Reason.FAULT) == 1


def test_a_damaged_or_strange_snapshot_is_refused() -> None:
    triage = Triage(POLICY)
    triage.step(at(0, DISK, CPU))
    good = triage.snapshot()
    with pytest.raises(ValueError, match=f"snapshot of version 99, not {VERSION}"):
        Triage.restore(POLICY, good[:8] + bytes([99]) + good[9:])
    for bad in (b"", b"[2,[],[]]", b"x" + good[1:], good[:-1], good + b"x", good[:12] + b"\xff" * 8 + good[20:]):
        with pytest.raises(ValueError, match="snapshot"):
            Triage.restore(POLICY, bad)
    for at_byte in range(12, len(good)):
        torn = good[:at_byte] + bytes([good[at_byte] ^ 255]) + good[at_byte + 1 :]
        with suppress(ValueError):  # a checkpoint has a checksum; here nothing worse may happen
            Triage.restore(POLICY, torn)


def test_huge_labels_neither_outgrow_an_incident_nor_a_page() -> None:
    huge = {f"l{n}": "x" * 5000 for n in range(200)}
    told = [alert(f"a{n}{'y' * 3000}")._replace(labels={"cluster": "eu"} | huge) for n in range(150)]
    facts = play(at(0, *told))
    assert len(encode(facts.incidents[0])) < 4_000_000
    assert len(encode(facts.pages[0])) < 4_000_000


def test_scopes_in_which_nothing_is_open_are_forgotten_when_there_are_too_many() -> None:
    rules = Policy.model_validate({"scope": ["tenant"], "resolve_after": "1s", "expire_after": "1m"})
    triage = Triage(rules)
    triage._most_scopes = 3
    told = [alert("disk", tenant=f"t{n}", began_s=n * 1000) for n in range(200)]
    for n, one in enumerate(told):
        facts = triage.step(at(n * 1000, one, policy=rules))
        assert reasons(facts) == [Reason.OPENED]
        triage.step(at(n * 1000 + 990, policy=rules))  # all over and forgotten, but for the scope itself
        triage._most_scopes = 3
    assert len(triage._scopes) <= 4
    again = at(199 * 1000, told[199], policy=rules)
    assert triage.step(again).decisions != []
    assert triage.step(again).decisions == []  # what was decided is known, whatever has become of its scope


def test_labels_with_ever_new_names_do_not_stay_when_their_alerts_are_gone() -> None:
    triage = Triage(Policy.model_validate({"resolve_after": "1s", "reopen_within": "1s", "expire_after": "1m"}))
    before = len(triage.snapshot())
    for n in range(60):
        names = {f"{n}-{m}-{'x' * 20}": "y" for m in range(1000)}
        triage.step(at(n, alert(f"a{n}")._replace(labels={"cluster": "eu"} | names)))
    triage.step(at(1000))
    triage.step(at(2000))
    assert len(triage.snapshot()) - before < 2_500_000
    packed = Triage.restore(POLICY, triage.snapshot())
    assert packed.snapshot() == Triage.restore(POLICY, packed.snapshot()).snapshot()


def test_a_table_that_is_full_pages_for_what_it_cannot_hold_and_the_scope_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "LEAST_ROWS", 20)
    monkeypatch.setattr(memory, "SPARE_ROWS", 2)
    triage = Triage(Policy.model_validate({"group_by": ["cluster"], "max_live_alerts": 10, "scope": ["tenant"]}))
    told = [alert(f"a{n}", cluster="eu", tenant=f"t{n % 4}") for n in range(40)]
    facts = triage.step([record for n, one in enumerate(told) for record in at(n, one, policy=triage._policy)])
    assert len(decided(facts)) == 40
    alone = Triage(triage._policy)
    one_by_one = [alone.step(at(n, one, policy=triage._policy)) for n, one in enumerate(told)]
    assert [reason for several in one_by_one for reason in reasons(several)] == reasons(facts)
    last = {decision.incident_id for decision in decided(facts)}
    assert last <= {page.dedup_key for page in facts.pages}
    again = triage.step([record for one in told for record in at(100, one, policy=triage._policy)])
    assert len(decided(again)) == 40
    assert {decision.incident_id for decision in decided(again)} <= last | {page.dedup_key for page in again.pages}


def test_a_restored_triage_forgets_idle_scopes_when_the_one_that_never_stopped_does() -> None:
    rules = Policy.model_validate({"scope": ["tenant"], "resolve_after": "1s", "expire_after": "1m"})
    triage = Triage(rules)
    triage._most_scopes = 7
    assert Triage.restore(rules, triage.snapshot())._most_scopes == 7


def test_a_table_is_full_at_the_same_event_however_the_log_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LEAST_ROWS", 20)
    monkeypatch.setattr(memory, "SPARE_ROWS", 2)
    rules = Policy.model_validate({"group_by": ["cluster"], "max_live_alerts": 10})
    told = [alert(f"a{n}", cluster="eu") for n in range(9)]
    told += [resolved(f"a{n}", cluster="eu") for n in range(9)]
    told += [alert(f"b{n}", cluster="eu") for n in range(9)] + [resolved(f"b{n}", cluster="eu") for n in range(9)]
    told += [alert(f"c{n}", cluster="eu") for n in range(9)]
    log = [record for n, one in enumerate(told) for record in at(n, one, policy=rules)]
    alone = Triage(rules)
    one_by_one = [reason for record in log for reason in reasons(alone.step([record]))]
    assert reasons(Triage(rules).step(log)) == one_by_one
    assert Reason.OVERFLOW in one_by_one


def test_a_fault_beyond_a_scope_pages_what_is_not_decided_and_the_books_balance() -> None:
    triage = Triage(POLICY)
    triage.step(at(0, DISK))
    triage._memory.incidents.ids = triage._memory.incidents.ids[:0]  # impossible: every incident has an id
    records = [*at(1, DISK), *at(2, DISK_OVER, CPU)]
    first, second = triage.step_each(records)
    assert [one.paged for one in decided(first)] == [True]
    assert {one.reason for one in (*decided(first), *decided(second))} == {Reason.FAULT}
    assert len(decided(second)) == 2
    assert triage.step(records) == ([], [], []), "what is repeated is known, and pages nobody"


def test_a_fault_beyond_every_scope_pages_about_ourselves() -> None:
    triage = Triage(POLICY)
    triage.step(at(0, DISK))
    del triage._silences  # impossible
    silence = Silence(
        id="s", matchers=('a="b"',), starts_at_ms=0, ends_at_ms=1, created_by="me", comment="", updated_at_ms=0
    )
    [page] = triage.step([Control(at_ms=ms(1), silence=silence)]).pages
    assert page.payload.summary.split(":")[0] == "PagesieveFault"
    assert reasons(triage.step(at(2, DISK))) == [Reason.DUPLICATE]
