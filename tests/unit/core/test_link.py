"""What is shown as a link comes from outside, and only the web's own schemes are believed."""

import pytest

from pipeline.core.link import safe_link
from pipeline.edge.web import render as page
from pipeline.report import render as report


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", " https://x", "data:text/html,x", "//x", "vbscript:x"]
)
def test_only_what_a_click_cannot_harm_is_a_link(url: str | None) -> None:
    assert safe_link(url) is None
    assert safe_link("HTTPS://x") == "HTTPS://x"


def test_the_page_and_the_report_believe_the_same_links() -> None:
    assert vars(page)["safe_link"] is vars(report)["safe_link"] is safe_link
