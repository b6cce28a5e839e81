"""A large state is taken by a copy of the process, so that this one does not stand still meanwhile.

A fork copies page tables, not memory: the copy has the state of that moment, and what either changes from then on is
its own. Then it works beside this process, at a lower priority and on another core if there is one; meanwhile it may
need as much memory again as the state (benchmarks/README.md, `restart`, says how long either takes).

A fork has the thread that forked alone, and what another held locked stays so. So the copy touches nothing but the
state: numpy, pydantic and Python's own memory, whose locks are made anew. It has no open file or connection but the one
that it writes to, and is ended when it takes too long; then states are taken here again.
"""

import asyncio
import gc
import mmap
import os
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NoReturn

import structlog

from pipeline.errors import Fault

FROM_BYTES = 4 * 1024 * 1024  # a smaller state is taken in 10 ms or so: a fork is not cheaper
PATIENCE_S = 120.0
_NICE = 10

logger = structlog.get_logger("pagesieve.triage")

State = bytes | mmap.mmap


class Taker:
    """Takes the states of one engine, here or aside."""

    def __init__(self, size: int, patience_s: float = PATIENCE_S) -> None:
        """`size` is that of the last one, in bytes."""
        self.cost_s = 0.0  # what the last one took of this process, or of a core beside it
        self._size = size
        self._patience_s = patience_s
        self._may_copy = True

    def take(self, snapshot: Callable[[], bytes], *, is_last: bool = False) -> "asyncio.Future[State]":
        """What `snapshot` returns now, and raises now if it is called here: the last one always is, as nobody waits.

        The future raises Fault.
        """
        if self._may_copy and self._size >= FROM_BYTES and not is_last:
            try:
                copy = _Copy(snapshot, self._patience_s)
            except OSError as exc:
                logger.warning("no copy of the process can be made; the state is taken here", why=str(exc))
            else:
                copy.state.add_done_callback(partial(self._look, copy))
                return copy.state
        started_s = time.monotonic()
        state = snapshot()
        self._size, self.cost_s = len(state), time.monotonic() - started_s
        here: asyncio.Future[State] = asyncio.get_running_loop().create_future()
        here.set_result(state)
        return here

    def _look(self, copy: "_Copy", taken: "asyncio.Future[State]") -> None:
        # Not the time that passed: it has the lowest priority, so on a busy machine it waits for most of it.
        self.cost_s = copy.cpu_s
        if taken.cancelled():
            return
        if (error := taken.exception()) is not None:
            self._may_copy = False
            logger.error("fault: the state is taken here from now on", why=str(error))
        else:
            self._size = len(taken.result())


class _Copy:
    """A copy of this process, made now, that takes the state and ends; that is seen to, whoever waits for it."""

    def __init__(self, snapshot: Callable[[], bytes], patience_s: float) -> None:
        """Raises OSError where there is no memory or no process left."""
        self.cpu_s = 0.0
        self._loop = asyncio.get_running_loop()
        self.state: asyncio.Future[State] = self._loop.create_future()
        self._file = os.memfd_create("pagesieve-snapshot")
        try:
            self._pid = _fork()
        except BaseException:
            os.close(self._file)
            raise
        if self._pid == 0:
            _take_and_end(snapshot, self._file)
        self._handle = os.pidfd_open(self._pid)
        self._loop.add_reader(self._handle, self._ended)
        self._patience = self._loop.call_later(patience_s, signal.pidfd_send_signal, self._handle, signal.SIGKILL)

    def _ended(self) -> None:
        self._loop.remove_reader(self._handle)
        self._patience.cancel()
        _, status, used = os.wait4(self._pid, 0)
        self.cpu_s = used.ru_utime + used.ru_stime
        size = os.fstat(self._file).st_size
        if not self.state.done():
            if status == 0 and size:
                self.state.set_result(mmap.mmap(self._file, size, prot=mmap.PROT_READ))  # holds the file by itself
            else:
                said = os.pread(self._file, 4096, max(0, size - 4096)).decode(errors="replace")
                self.state.set_exception(Fault(f"a copy of the process ended with status {status}: {said}"))
        os.close(self._handle)
        os.close(self._file)


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns of threads whose locks the copy would wait for; why it does not, stands above.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _take_and_end(snapshot: Callable[[], bytes], file: int) -> NoReturn:
    """The life of the copy. It does not return: all that called it is the other's."""
    code = 1
    try:
        gc.disable()  # it would look at all there is, and copy it by that
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        # The sockets, above all: a worker that is killed is gone, for the broker and for who takes its port.
        # By their names: where a process may have a thousand million of them, closing all numbers takes minutes.
        for opened in map(int, os.listdir("/proc/self/fd")):
            if opened not in {0, 1, 2, file}:
                with suppress(OSError):  # that of the listing itself
                    os.close(opened)
        os.nice(_NICE)
        _write(file, snapshot())
        code = 0
    except BaseException:
        os.ftruncate(file, 0)
        _write(file, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _write(file: int, content: bytes) -> None:
    view = memoryview(content)
    at = 0
    while at < len(view):
        at += os.pwrite(file, view[at : at + (1 << 30)], at)
