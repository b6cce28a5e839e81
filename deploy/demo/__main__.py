"""`make demo`: a captured story goes through a real `pagesieve up`, and everything shown is read from its log.

On a terminal its page stays up afterwards, until Ctrl-C.
"""

import io
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from rich.console import Console

from deploy.demo.ending import print_ending, shortfalls
from deploy.demo.picture import Moment
from deploy.demo.service import Service, running
from deploy.demo.tally import Follower, Tally
from deploy.demo.telling import Telling, read_story
from deploy.demo.view import LiveView, View, view_for
from pipeline.command.report import archive_sample
from pipeline.errors import Missing
from pipeline.report.sample import WEEK

TELLING_S = 22.0
QUIET_S = 20.0  # after the last webhook; the policy resolves after 5 s of quiet
STEP_S = 0.1
STAY_S = 0.5
SEED = 1


def main() -> int:
    """Tell the story, show what becomes of it, and say whether that is what was promised."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a Latin-1 terminal has no bars, but shall have the rest
    console = Console(highlight=False)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        return _demo(console)
    except Missing as exc:
        print(f"demo: {exc}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("demo: stopped; nothing of it is left running", file=sys.stderr)
        return 130


def _demo(console: Console) -> int:
    began_s = time.monotonic()
    story = read_story()
    view = view_for(console)
    console.print("Starting pagesieve up …")
    with tempfile.TemporaryDirectory(prefix="pagesieve-demo-") as folder, running(Path(folder)) as service:
        tally = Tally(time.time_ns() // 1_000_000)
        telling = Telling(story, service.url, TELLING_S)
        try:
            with view:
                _tell(telling, service, view, tally)
        finally:
            telling.close()
        missing = shortfalls(tally, story)
        print_ending(console, tally, missing, with_pages=isinstance(view, LiveView))
        if console.is_terminal and sys.stdin.isatty():
            _stay(console, service)
    console.print(f"The demo took {time.monotonic() - began_s:.0f} s and left nothing behind.")
    return 1 if missing else 0


def _stay(console: Console, service: Service) -> None:
    """Leave the page up until Ctrl-C, with a month to look back on. Raises Missing if the service dies."""
    archive_sample(service.archive, SEED)
    console.print(f"A report of a sample month is there, too: {service.url}/ui/report/{WEEK.name}", soft_wrap=True)
    console.print(f"The page of all this is up until Ctrl-C: {service.url}/ui/?show=all", style="bold", soft_wrap=True)
    try:
        while True:
            service.check()
            time.sleep(STAY_S)
    except KeyboardInterrupt:
        console.print()


def _tell(telling: Telling, service: Service, view: View, tally: Tally) -> None:
    """Post, read and show in turns, until every incident is over or that takes too long."""
    follower = Follower(service.data_dir)
    try:
        while telling.elapsed_s < TELLING_S + QUIET_S and not (telling.is_over and tally.is_quiet):
            service.check()
            telling.post_due()
            follower.read_into(tally)
            view.show(Moment(telling.elapsed_s, telling.caption, telling.story, telling.posted, tally))
            time.sleep(STEP_S)
        follower.read_into(tally)  # topics are read one after the other, so the last pass may have missed something
    finally:
        follower.close()


def _leave(number: int, _frame: FrameType | None) -> None:
    """Unwind as Ctrl-C does, so that the process and the folder go too."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
