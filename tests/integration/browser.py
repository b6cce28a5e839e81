"""A real browser: Debian's chromium, driven by Playwright, which says when a page breaks one of its own rules."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.real import missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = {"desktop": 1280, "phone": 390}
SCHEMES = ("light", "dark")
# What WCAG 2 asks for up to AA, and what axe thinks wise beside it.
RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A browser for some scenes; where there is none, they are skipped, saying what is missing."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        missing("chromium is not here: apt install chromium")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - a missing one is said above all
    except ImportError:
        missing("playwright is not here: deploy/bootstrap.sh --dev")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=sandbox)
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """One person's window, which remembers all that the browser complains about."""

    def __init__(self, browser: "Browser", *, width: int = WIDTHS["desktop"], **more: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800}, **more)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self._note(f"{said.type}: {said.text}") if said.type != "log" else None)
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("dialog", self._dismiss)

    def _note(self, complaint: str) -> None:
        self.complaints.append(complaint)

    def _dismiss(self, dialog: "Dialog") -> None:
        self._note(f"dialog: {dialog.message}")
        dialog.dismiss()

    def close(self) -> None:
        self.context.close()

    def is_too_wide(self) -> bool:
        """Whether one has to scroll sideways."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        return wide

    def barriers(self) -> list[str]:
        """What keeps somebody from using the page, as axe says."""
        from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - likewise

        found = Axe().run(self.page, options=RULES).response["violations"]
        return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]

    def keep(self, name: str, *, is_full: bool = False) -> None:
        """A picture in the folder PAGESIEVE_SCREENSHOTS, if that is set."""
        if folder := os.environ.get("PAGESIEVE_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=is_full)
