"""`python -m tests.chaos [--seed N] [--kills K]`: the worst day there is, and whether the books balance after it.

The last line is one sentence with the counts. Exit code 1: something is wrong, and the folder with the diary, every
part's log and Kafka's data is named; 3: a part of the world is missing.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path

import pytest

from tests.chaos.run import Run

KILLS = 40
LARGEST_SEED = 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="everything random comes of it; by default a new one")
    parser.add_argument("--kills", type=int, default=KILLS, help="kill -9 and SIGSTOP, %(default)s by default")
    options = parser.parse_args()
    seed = random.randrange(LARGEST_SEED) if options.seed is None else options.seed  # noqa: S311 - no secret
    print(f"seed {seed}, {options.kills} kills", flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # it ends what it has started; a shell lets a job ignore Ctrl-C
        signal.signal(number, signal.default_int_handler)
    os.environ.pop("PAGESIEVE_KAFKA", None)  # it kills its broker, so it starts its own
    folder = Path(tempfile.mkdtemp(prefix=f"pagesieve-chaos-{seed}-"))
    code, last_line = _played(seed, options.kills, folder)
    if code == 1:
        print(f"what was done when, every part's log and Kafka's data: {folder}")
    else:
        shutil.rmtree(folder)
    print(last_line, flush=True)
    return code


def _played(seed: int, kills: int, folder: Path) -> tuple[int, str]:
    """The exit code and the last line."""
    run = Run(seed, kills, folder)
    try:
        with run.living():
            verdict = run.play()
    except KeyboardInterrupt:
        return 130, "interrupted"
    except pytest.skip.Exception as exc:
        return 3, str(exc)
    except (Exception, pytest.fail.Exception) as exc:
        run.diary.note(traceback.format_exc(), is_loud=True)
        return 1, f"the run failed: {type(exc).__name__}: {exc}".splitlines()[0]
    for problem in (*verdict.count.problems, *verdict.wrong)[:20]:
        print(f"WRONG: {problem}")
    return int(not verdict.is_good), verdict.sentence()


if __name__ == "__main__":
    sys.exit(main())
