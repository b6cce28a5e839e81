"""The style is readable by day and by night: WCAG 2's contrast of every colour of text on everything it stands on."""

import re

import pytest

from pipeline.edge.web.render import HERE
from schemas import Severity

CSS = (HERE / "static" / "style.css").read_text()
TEXT, SHAPE = 4.5, 3.0  # AA: of text, and of the edges of what is worked with
ON = [
    *((name, back, TEXT) for name in ("ink", "soft", "link") for back in ("paper", "card", "hover")),
    *((severity.value, f"{severity.value}-back", TEXT) for severity in Severity),
    *((name, back, TEXT) for name in ("critical", "info") for back in ("paper", "card", "hover")),
    *(("on-button", "button", TEXT), ("on-flash", "flash", TEXT), ("on-note", "note", TEXT)),
    *(("edge", "paper", SHAPE), ("edge", "card", SHAPE), ("focus", "paper", SHAPE), ("focus", "card", SHAPE)),
]


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def themes() -> dict[str, dict[str, str]]:
    by_day = CSS.partition(":root {")[2].partition("}")[0]
    by_night = CSS.partition(':root[data-theme="dark"] {')[2].partition("}")[0]
    return {"light": colours(by_day), "dark": colours(by_night)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out_from_what_it_stands_on(theme: str) -> None:
    found = themes()[theme]
    weak = [
        f"{name} on {back}: {contrast(found[name], found[back]):.2f}"
        for name, back, least in ON
        if contrast(found[name], found[back]) < least
    ]
    assert weak == []


def test_dark_is_the_same_whether_it_is_chosen_or_the_screens() -> None:
    screens = CSS.partition("@media (prefers-color-scheme: dark)")[2].partition("}\n}")[0]
    assert colours(screens) == themes()["dark"]
    assert themes()["dark"].keys() == themes()["light"].keys()


def test_nothing_is_fetched_from_elsewhere_and_no_template_has_a_style_or_script_of_its_own() -> None:
    for path in (HERE / "static").iterdir():
        assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", path.read_text()), path
    for path in (HERE / "templates").iterdir():
        text = path.read_text()
        assert not re.search(
            r"<style|\sstyle=|\son[a-z]+=|https?://|<script(?! src=\"\{\{ root \}\}/static/)|\|\s*safe", text
        ), path
