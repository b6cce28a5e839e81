"""The command `pagesieve`: makes sure that our code is ours, runs one command, and turns failures into exit codes.

| code | means |
| --- | --- |
| 0 | done |
| 1 | the answer is no (check, audit, explain, mark) |
| 2 | wrong use or input: one line says which and where |
| 3 | a part of the world is missing |
| 70 | a fault of ours, or a part of the process died: restart it and read its log |
"""

import os
import sys
import traceback
from collections.abc import Sequence

from pipeline import shadowing
from pipeline.errors import Fault, Missing, Misuse, Rejected, Retryable

EX_SOFTWARE = 70


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    try:
        shadowing.check()
        # Only now: whatever stands under our packages' names is ours.
        from pipeline.command.app import run  # noqa: PLC0415  # after the check, not before

        code = run(arguments)
        sys.stdout.flush()
    except (Misuse, Rejected) as exc:
        code = _say(2, exc)
    except (Missing, Retryable) as exc:
        code = _say(3, exc)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # `pagesieve schema | head`: the reader has seen enough. Python would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Fault as exc:
        code = _say(EX_SOFTWARE, exc)
    except Exception as exc:
        traceback.print_exception(exc)
        code = _say(EX_SOFTWARE, Fault(f"a fault of ours, {type(exc).__name__}: {exc}"))
    sys.exit(code)


def _say(code: int, exc: Exception) -> int:
    print(f"pagesieve: {' '.join(str(exc).split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
