"""The report as HTML, Markdown and JSON. Every name in it comes from outside: HTML escapes them all, Markdown too."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.core.link import safe_link
from pipeline.report import misses
from pipeline.report.effect import Effect
from pipeline.report.facts import Hours
from pipeline.report.fixes import Side
from pipeline.report.kpi import Rate, Ratio, Spread
from pipeline.report.past import AskedQuiet
from pipeline.report.report import Report
from pipeline.report.schedule import shown
from schemas import Score

TEMPLATES = Path(__file__).with_name("templates")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# What begins or ends something within a line: names never stand at its beginning, where more would count.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~@&#]|(?<=\])\()")
_SHOWN_OF_GROUPS = (
    *("actionable", "asleep", "transient", "repeats within 7 days", "runbooks"),
    *("time to acknowledge", "missed"),
)
_NEVER_MS = 4_102_444_800_000  # in the year 2100


def html(report: Report) -> str:
    """One file that needs nothing else: no script, no font, no picture from anywhere."""
    return _filled("report.html.j2", report, is_html=True)


def markdown(report: Report) -> str:
    """For chat and e-mail."""
    return _filled("report.md.j2", report, is_html=False)


def as_json(report: Report) -> bytes:
    """All of it, for programs; a share is given as its part and its whole."""
    return orjson.dumps(plain(report), option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n"


def said(value: Ratio | Rate | Spread | None) -> str:
    """A figure with what it is a share of."""
    if value is None or not value.whole:
        return "nothing to count"
    if isinstance(value, Ratio):
        return f"{percent(value)} ({value.part:,} of {value.whole:,})"
    if isinstance(value, Rate):
        return f"{value.each:.2f} ({value.part:,} in {round(value.whole, 1):,g})"
    if value.p50_ms is None or value.mean_ms is None or value.p99_ms is None:
        return f"none of {value.whole:,}"
    mean, worst = lasted(value.mean_ms), lasted(value.p99_ms)
    return f"{lasted(value.p50_ms)}, mean {mean}, p99 {worst} ({value.measured:,} of {value.whole:,})"


def percent(value: Ratio) -> str:
    """A share as people say it."""
    return "-" if value.share is None else f"{100 * value.share:.0f} %"


def lasted(took_ms: int) -> str:
    """How long, in the largest unit that says enough."""
    seconds = round(took_ms / 1000)
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def effected(effect: Effect) -> str:
    """What a change would have done: `-23 pages of 58, 0 missed of 16 that needed somebody, +90 s on 2`."""
    said = (
        f"{signed(effect.pages)} pages of {effect.of:,}, {effect.missed} missed of {effect.acted} that needed somebody"
    )
    return said + (f", +{lasted(effect.later_ms)} on {effect.later}" if effect.later else "")


def sided(side: Side) -> str:
    """How much something paged, and in how long a time."""
    days = f"{side.days:g} day{'' if side.days == 1 else 's'}"
    pages = f"{side.pages:,} page{'' if side.pages == 1 else 's'}"
    incidents = f"{side.incidents:,} incident{'' if side.incidents == 1 else 's'}"
    return f"{pages} ({incidents}) in {days}"


def until(silence: AskedQuiet) -> str:
    """From when until when."""
    since = "always" if silence.from_ms <= 0 else f"since {dated(silence.from_ms)}"
    return since + (", without an end" if silence.until_ms >= _NEVER_MS else f", until {dated(silence.until_ms)}")


def dated(moment_ms: int) -> str:
    """A day, with its year."""
    return f"{datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=moment_ms):%d %b %Y}"


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
        effect=effected,
        side=sided,
        until=until,
    )
    last = datetime.fromtimestamp(report.period.until_ms / 1000 - 1, UTC)
    first = datetime.fromtimestamp(report.period.from_ms / 1000, UTC)
    days = f"{first:%d %b} to {last:%d %b %Y}"
    return environment.get_template(name).render(
        report=report, days=days, weekdays=DAYS, kinds=list(Hours), shown_of_groups=_SHOWN_OF_GROUPS
    ) + "\n"  # fmt: skip


def plain(value: Any) -> Any:
    """As JSON has it: records as objects."""
    if isinstance(value, Score):
        return value.model_dump(mode="json")
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(one) for name, one in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
