"""Pages are made here. Every name on them comes from outside, so all is escaped, and links are http or https only."""

import hashlib
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from pipeline.answer.phrases import accused, short, why_in_words
from pipeline.core.link import safe_link
from pipeline.edge.web.doors import Who
from pipeline.edge.web.guard import ROOT
from schemas import Verdict

HERE = Path(__file__).parent
THEMES = ("light", "dark")
THEME_COOKIE = "pagesieve_theme"
SHAPES = {"critical": "▲", "error": "◆", "warning": "■", "info": "●", "unknown": "◇"}
MARKS = [verdict for verdict in Verdict if verdict.is_mark]
_MINUTE_MS = 60_000


class Pages:
    """Fills templates."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            link=safe_link, why=why_in_words, short=short, words=_words, score=_score, accused=accused, lasted=lasted
        )
        self._environment.globals.update(
            root=ROOT, shapes=SHAPES, marks=MARKS, at=moment, clock=clock, version=_version()
        )

    def page(
        self, request: Request, name: str, status: HTTPStatus = HTTPStatus.OK, /, **values: object
    ) -> HTMLResponse:
        """The page called `name`."""
        who: Who | None = request.scope.get("state", {}).get("who")
        theme = request.cookies.get(THEME_COOKIE, "")
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        common = {"who": who, "theme": theme if theme in THEMES else "", "here": here}
        return HTMLResponse(self._environment.get_template(f"{name}.html.j2").render(common | values), status)


def moment(at_ms: int, now_ms: int) -> Markup:
    """A time as people say it at night, how long ago or ahead, with the exact one for who looks closer."""
    past_ms = now_ms - at_ms
    return _time(at_ms, f"{lasted(past_ms)} ago" if past_ms >= 0 else f"in {lasted(-past_ms)}")


def clock(at_ms: int, before_ms: int | None) -> Markup:
    """A time in a list of them: by the clock, and with its day where that is another than the one before."""
    exact = datetime.fromtimestamp(at_ms / 1000, UTC)
    is_same_day = before_ms is not None and datetime.fromtimestamp(before_ms / 1000, UTC).date() == exact.date()
    return _time(at_ms, f"{exact:%H:%M:%S}" if is_same_day else f"{exact:%d %b %H:%M:%S}")


def _time(at_ms: int, said: str) -> Markup:
    exact = datetime.fromtimestamp(at_ms / 1000, UTC)
    machine = exact.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(machine, f"{exact:%Y-%m-%d %H:%M:%S} UTC", said)


def lasted(took_ms: int) -> str:
    """How long, in one or two units."""
    minutes = took_ms // _MINUTE_MS
    if minutes < 2:
        return f"{took_ms // 1000} s"
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _score(score: float | None) -> str:
    return "\N{EN DASH}" if score is None else f"{score:.3f}" if score < 0.1 else f"{score:.2f}"


def _version() -> str:
    """Changes with the files that a browser keeps."""
    digest = hashlib.sha256()
    for path in sorted((HERE / "static").iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
