"""The report as HTML, Markdown and JSON. Every name in it comes from outside: HTML escapes them all, Markdown too."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.report import misses
from pipeline.report.kpi import Ratio, Spread
from pipeline.report.report import Report
from pipeline.report.schedule import Hours, shown
from schemas import Score

TEMPLATES = Path(__file__).with_name("templates")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&-])")


def html(report: Report) -> str:
    """One file that needs nothing else: no script, no font, no picture from anywhere."""
    return _filled("report.html.j2", report, is_html=True)


def markdown(report: Report) -> str:
    """For chat and e-mail."""
    return _filled("report.md.j2", report, is_html=False)


def as_json(report: Report) -> bytes:
    """All of it, for programs; a share is given as its part and its whole."""
    return orjson.dumps(_plain(report), option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n"


def said(value: Ratio | Spread | None) -> str:
    """A figure with what it is a share of."""
    if value is None or not value.whole:
        return "nothing to count"
    if isinstance(value, Ratio):
        return f"{percent(value)} ({value.part:,} of {value.whole:,})"
    if value.p50_ms is None or value.p99_ms is None:
        return f"none of {value.whole:,}"
    return f"{lasted(value.p50_ms)}, p99 {lasted(value.p99_ms)} ({value.measured:,} of {value.whole:,})"


def percent(value: Ratio) -> str:
    """A share as people say it."""
    return "-" if value.share is None else f"{100 * value.share:.0f} %"


def lasted(took_ms: int) -> str:
    """How long, in the largest unit that says enough."""
    seconds = round(took_ms / 1000)
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def signed(number: int) -> str:
    """A difference, with a real minus."""
    return f"{number:+d}".replace("-", "\N{MINUS SIGN}") if number else "0"


def escaped(text: object) -> str:
    """A name from outside as Markdown shows it unchanged, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def fenced(text: str) -> str:
    """A block of code that what is in it cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}yaml\n{text}\n{fence}"


def safe_link(url: str | None) -> str | None:
    """The address, if a click on it can do no harm."""
    return url if url and url.lower().startswith(("https://", "http://")) else None


def _filled(name: str, report: Report, *, is_html: bool) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=is_html,  # noqa: S701 - in Markdown each name is escaped by `md`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        said=said,
        percent=percent,
        lasted=lasted,
        signed=signed,
        md=escaped,
        fenced=fenced,
        link=safe_link,
        when=shown,
        missed=misses.said,
        missed_briefly=misses.briefly,
    )
    last = datetime.fromtimestamp(report.period.until_ms / 1000 - 1, UTC)
    first = datetime.fromtimestamp(report.period.from_ms / 1000, UTC)
    days = f"{first:%d %b} to {last:%d %b %Y}"
    return environment.get_template(name).render(report=report, days=days, weekdays=DAYS, kinds=list(Hours)) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Score):
        return value.model_dump(mode="json")
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
