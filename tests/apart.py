"""A sample made in a process of its own, once for each value of a variable: it has to be the same bytes."""

import os
import subprocess
import sys
from collections.abc import Sequence


def samples(module: str, variable: str, values: Sequence[str]) -> set[bytes]:
    """What `module.sample()` gives under each of `values`; warnings are errors there, too."""
    code = f"import sys; from {module} import sample; sys.stdout.buffer.write(sample())"
    return {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env={**os.environ, variable: value, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            check=True,
        ).stdout
        for value in values
    }
