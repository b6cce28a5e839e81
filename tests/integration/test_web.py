"""The page as people meet it: a real `pagesieve up`, and a real browser that looks, types, marks and looks again."""

import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from deploy.demo.telling import read_story
from tests.integration.browser import SCHEMES, WIDTHS, Watched, chromium
from tests.integration.real import PATIENCE_S
from tests.integration.test_up import Up, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.integration
DEMO_POLICY = (Path(__file__).parents[2] / "deploy" / "demo" / "policy.yaml").read_text()
BEFORE_IT_GETS_BETTER_MS = 27_000  # of the demo's story: a node is down, a disk fills, a probe flaps
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The demo's story, stopped where it is worst, with an archive."""
    folder = tmp_path_factory.mktemp("demo")
    up = Up(folder)
    up.policy.write_text(DEMO_POLICY)
    up.start(PAGESIEVE_ARCHIVE=str(folder / "archive"), PAGESIEVE_ARCHIVE_EVERY_S="1")
    try:
        with httpx.Client(base_url=up.url, timeout=PATIENCE_S) as client:
            for webhook in read_story():
                if webhook.after_ms < BEFORE_IT_GETS_BETTER_MS:
                    client.post("/v1/alertmanager", content=webhook.body).raise_for_status()
            until(lambda: client.get("/ui/").text.count('name="incident"') == 3)
        yield up
    finally:
        up.close()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path)
    yield up
    up.close()


@pytest.fixture
def window(browser: "Browser") -> Iterator[Watched]:
    watched = Watched(browser)
    yield watched
    watched.close()
    assert watched.complaints == []


def test_by_keyboard_alone_an_incident_is_found_opened_and_marked(demo: Up, window: Watched) -> None:
    page = window.page
    page.goto(f"{demo.url}/ui/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    _tab_to(window, 'input[type="search"]')
    page.keyboard.type("kubenodenotready")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=kubenodenotready"))
    assert page.locator("a.what").count() == 1
    _tab_to(window, "a.what")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/ui/incidents/inc1:"))
    assert page.locator("ol.timeline li.m-alert").count() == 31
    assert page.locator("ol.timeline li.m-paged").count() == 1
    _tab_to(window, 'select[name="verdict"]')
    page.keyboard.type("poor")
    _tab_to(window, 'input[name="note"]')
    page.keyboard.type("which rack?")
    _tab_to(window, 'input[name="by"]')
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("marked=1"))
    assert "marked as poor details" in page.locator(".flash").inner_text()
    assert "poor details by ada (which rack?)." in page.locator("#judged").inner_text()
    page.goto(f"{demo.url}/ui/")
    assert "poor details by ada" in page.locator("table.incidents").inner_text()


def test_a_mark_is_seen_at_once_and_the_next_of_its_kind_shows_its_own_score_beside_it(up: Up, window: Watched) -> None:
    up.start()
    up.post("ProbeFailed", "web-1")
    page = window.page
    until(lambda: _count(up) == 1)
    page.goto(f"{up.url}/ui/")
    page.click("a.what")
    first = float(page.locator(".figure").inner_text())
    assert "Nobody has judged this one" in page.locator("#judged").inner_text()
    page.select_option('select[name="verdict"]', "not_actionable")
    page.fill('input[name="by"]', "ada")
    page.click("text=Mark it")
    assert "0 of 1 judged needed somebody" in page.locator("#judged").inner_text()
    assert float(page.locator(".figure").inner_text()) == first  # a mark changes no score that was given
    up.post("ProbeFailed", "web-1", "resolved")
    until(lambda: _count(up) == 0)
    up.post("ProbeFailed", "web-2")
    until(lambda: _count(up) == 1)
    page.goto(f"{up.url}/ui/")
    page.click("a.what")
    # It is scored anew, by what is usual since and by what was said of the first, which stands beside it.
    assert float(page.locator(".figure").inner_text()) != first
    assert "people said that nobody had to act on its kind (-0.69)" in page.locator(".terms").inner_text()
    kin = page.locator("table.kin tbody tr")
    assert kin.count() == 1
    assert str(first) in kin.inner_text()
    assert "not actionable by ada" in kin.inner_text()
    assert "Nobody has judged this one" in page.locator("#judged").inner_text()
    assert "0 of 1 judged needed somebody" in page.locator("#judged").inner_text()
    # And triage has heard it: it is in the record of the incident, as `explain` tells it, after a restart too.
    up.end(signal.SIGKILL)
    up.start()
    page.goto(f"{up.url}/ui/?show=ended")
    until(lambda: "not actionable</span> by ada" in _text(up, "/ui/?show=ended"))


def test_without_script_all_of_it_works_and_many_are_marked_at_once(up: Up, browser: "Browser") -> None:
    up.start()
    for host in ("a", "b", "c"):
        up.post("DiskFull", host)
    until(lambda: _count(up) == 3)
    window = Watched(browser, java_script_enabled=False)
    page = window.page
    page.goto(f"{up.url}/ui/")
    for number in (0, 2):
        page.locator('input[name="incident"]').nth(number).check()
    page.select_option('select[name="verdict"]', "duplicate")
    page.fill('input[name="by"]', "grace")
    page.click("text=Mark the chosen")
    assert "2 incidents are marked as duplicate" in page.locator(".flash").inner_text()
    page.select_option('select[name="judged"]', "no")
    page.click("button:has-text('Find')")
    assert page.locator("a.what").count() == 1
    page.click("button:has-text('Dark')")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    window.close()
    assert window.complaints == []


def test_the_list_renews_itself_but_never_under_a_hand(up: Up, window: Watched) -> None:
    up.start()
    up.post("DiskFull", "a")
    until(lambda: _count(up) == 1)
    page = window.page
    page.goto(f"{up.url}/ui/")
    up.post("DiskFull", "b")
    until(lambda: page.locator("a.what").count() == 2)
    assert page.locator(".as-of").inner_text().startswith("2 firing")
    assert page.title().startswith("2 firing")
    page.locator('input[name="incident"]').first.check()
    up.post("DiskFull", "c")
    until(lambda: _count(up) == 3)
    time.sleep(6)  # longer than it waits between two looks: nothing may happen meanwhile
    assert page.locator("a.what").count() == 2
    assert page.locator('input[name="incident"]').first.is_checked()
    page.locator('input[name="incident"]').first.uncheck()
    until(lambda: page.locator("a.what").count() == 3)
    page.locator("#all").check()
    assert page.locator('input[name="incident"]:checked').count() == 3
    page.locator("#all").uncheck()
    assert page.locator('input[name="incident"]:checked').count() == 0


def test_what_an_alert_is_called_is_never_obeyed(up: Up, window: Watched) -> None:
    up.start()
    up.post(f"Disk{EVIL}", f"a{EVIL}")
    until(lambda: _count(up) == 1)
    page = window.page
    page.goto(f"{up.url}/ui/")
    assert "<script>alert(1)</script><img" in page.locator("a.what").inner_text()
    page.click("a.what")
    page.locator("summary").first.click()
    assert EVIL in page.locator("ol.timeline").inner_text()
    assert page.locator("img").count() == 0


def test_a_token_opens_the_page_and_marks_bear_the_name_that_was_given(up: Up, window: Watched) -> None:
    up.start(PAGESIEVE_TOKENS="secret")
    event = {"source": "probe", "name": "DiskFull", "labels": {"host": "a"}, "severity": "critical"}
    headers = {"Authorization": "Bearer secret"}
    assert httpx.post(f"{up.url}/v1/events", json=event, headers=headers).status_code == 200
    page = window.page
    page.goto(f"{up.url}/ui/policy")
    page.fill('input[name="name"]', "ada")
    page.fill('input[name="token"]', "secret")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/ui/policy"))
    page.fill("textarea", 'DiskFull{host="a", severity="critical"}')
    page.click("text=Explain")
    assert "opened: No open incident fits it" in page.locator(".explained").inner_text()
    page.click("nav >> text=Incidents")
    until(lambda: page.locator("a.what").count() == 1)
    page.click("a.what")
    page.select_option('select[name="verdict"]', "actionable")
    page.click("text=Mark it")
    assert "actionable by ada" in page.locator("#judged").inner_text()
    page.click("text=Log out")
    page.wait_for_url(re.compile("/ui/login"))
    assert page.locator("nav").count() == 0


def test_what_says_whether_everybody_can_use_a_page_finds_what_is_wrong_with_one(window: Watched) -> None:
    window.page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><input><p style="color:#bbb">faint</p>')
    assert {one.partition(":")[0] for one in window.barriers()} == {"label", "color-contrast"}


def test_the_demos_report_opens_in_the_page(demo: Up, window: Watched) -> None:
    year, week, _ = datetime.now(UTC).isocalendar()
    page = window.page
    until(lambda: httpx.get(f"{demo.url}/ui/report/{year}-W{week:02d}", timeout=PATIENCE_S).status_code == 200)
    page.goto(f"{demo.url}/ui/report")
    page.click(f"text={year}-W{week:02d}")
    page.wait_for_url(re.compile(r"/ui/report/\d"))
    assert "On call" in page.locator("h1").inner_text()
    assert page.evaluate("getComputedStyle(document.querySelector('.card')).borderTopStyle") == "solid"  # its own style
    assert not window.is_too_wide()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("device", WIDTHS)
def test_everybody_can_use_it_wide_or_narrow_by_day_and_by_night(
    demo: Up, browser: "Browser", device: str, scheme: str
) -> None:
    window = Watched(browser, width=WIDTHS[device], color_scheme=scheme)
    page, found = window.page, dict[str, list[str]]()
    addresses = {"incidents": "/ui/", "over": "/ui/?show=ended", "reports": "/ui/report", "policy": "/ui/policy"}
    key = re.findall(r"/ui/incidents/(inc1:[0-9a-f]{20})", _text(demo, "/ui/?q=kubenodenotready"))[0]
    for name, address in (addresses | {"incident": f"/ui/incidents/{key}", "missing": "/ui/incidents/x"}).items():
        page.goto(demo.url + address)
        found[name] = [*window.barriers(), *(["it is too wide"] if window.is_too_wide() else [])]
        window.keep(f"{name}-{device}-{scheme}", is_full=name == "incidents")
    window.close()
    assert {name: barriers for name, barriers in found.items() if barriers} == {}
    assert [one for one in window.complaints if "404" not in one] == []


def _tab_to(window: Watched, selector: str) -> None:
    """Press Tab until what is meant has the focus."""
    for _ in range(80):
        window.page.keyboard.press("Tab")
        if window.page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    pytest.fail(f"{selector} cannot be reached by keyboard", pytrace=False)


def _text(up: Up, path: str) -> str:
    return httpx.get(up.url + path, timeout=PATIENCE_S).text


def _count(up: Up) -> int:
    """How many incidents are live on the page."""
    return _text(up, "/ui/").count('name="incident"')
