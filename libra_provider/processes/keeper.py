"""Runs a command, and ends all its descendants when it, or the process that requested it, ends.

Run as a file by :mod:`libra_provider.cluster.process` and by Libra; it imports only the standard
library, so that it starts fast. As a *subreaper*, it becomes the parent of all orphans below it, so
descendants with a double fork or their own session (Airflow's tasks, Spark's Python daemons) do not
escape.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
STOP, KILL = signal.SIGTERM, signal.SIGUSR1  # what the requesting process may send
AFTERGLOW = 2.0  # seconds that its descendants may continue once the command itself has ended
DYING = 30.0  # seconds that killed processes may take to disappear, on a busy machine
UNSTOPPABLE = 97  # exit code: something survived SIGKILL
TAIL = 2**16  # bytes of the end of a capped log, where the reason of a failure is

_libc = ctypes.CDLL(None, use_errno=True)


class CappedLog:
    """A pipe that is copied to a file: the first *most* bytes, and the end of the rest.

    A full disk or a slow reader never blocks the writer.
    """

    def __init__(self, path: Path, most: int) -> None:
        self.path, self.left, self.tail = path, most, b""
        self.dropped = 0
        self.read_end, self.write_end = os.pipe()

    def start(self) -> None:
        """Copy until all writers have ended."""
        os.close(self.write_end)
        self.thread = threading.Thread(target=self._copy, daemon=True)
        self.thread.start()

    def _copy(self) -> None:
        with self.path.open("ab", buffering=0) as file:
            while data := os.read(self.read_end, TAIL):
                self._write(file, data[: self.left])
                self._keep_end(data[self.left :])
                self.left -= min(self.left, len(data))
            if self.dropped:
                self._write(file, b"\n... %d bytes were dropped here ...\n" % self.dropped)
            self._write(file, self.tail)

    def _write(self, file: io.RawIOBase, data: bytes) -> None:
        # A full disk is no reason to stop reading.
        with contextlib.suppress(OSError):
            file.write(data)

    def _keep_end(self, data: bytes) -> None:
        self.tail += data
        self.dropped += max(0, len(self.tail) - TAIL)
        self.tail = self.tail[-TAIL:]


class Keeper:
    """One command and all its descendants; they end when the process *asker* (a pid) ends.

    *logs* are for its standard output and its standard error.
    """

    def __init__(
        self, command: list[str], asker: int, grace: float, logs: list[CappedLog] | None = None
    ) -> None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.signals, waker = os.pipe()
        for end in (self.signals, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (STOP, KILL, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        # A pid file descriptor, because PR_SET_PDEATHSIG follows the thread that forked, and a pipe
        # stays open in every other child of the asker.
        self.asker = os.pidfd_open(asker)
        self.asker_is_gone = os.getppid() != asker
        self.grace = grace
        self.exit_code: int | None = None
        # Kept, because a Popen that is garbage-collected reaps its process and drops the exit code.
        self.logs = logs or []
        outputs: list[int | None] = [None, None]
        outputs[: len(self.logs)] = [log.write_end for log in self.logs]
        self.command = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=outputs[0],
            stderr=outputs[1],
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - the keeper has one thread
        )
        self.pid = self.command.pid
        for log in self.logs:
            log.start()

    def run(self) -> int:
        """Wait for a reason to end, and end everything; return the exit code, or UNSTOPPABLE."""
        if self._wait() != KILL:
            self._ask_to_end()
        survivors = self._kill_all()
        for log in self.logs:
            log.thread.join(AFTERGLOW)
        return UNSTOPPABLE if survivors else self.exit_code or 0

    def _wait(self) -> int | None:
        """Return STOP or KILL after that signal, None when the command or the asker has ended."""
        while self.exit_code is None and not self.asker_is_gone:
            ready, _, _ = select.select([self.signals, self.asker], [], [])
            self.asker_is_gone = self.asker in ready
            received = self._received()
            self._reap()
            if received:
                return received
        return None

    def _received(self) -> int | None:
        with contextlib.suppress(BlockingIOError):
            numbers = os.read(self.signals, 4096)
            return KILL if KILL in numbers else STOP if STOP in numbers else None
        return None

    def _ask_to_end(self) -> None:
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGTERM)
        ends_at = time.monotonic() + self.grace
        while (now := time.monotonic()) < ends_at and any(descendants()):
            if self._received() == KILL:
                return
            self._reap()
            if self.exit_code is not None:
                ends_at = min(ends_at, now + AFTERGLOW)
            time.sleep(0.02)

    def _kill_all(self) -> list[int]:
        """Send SIGKILL until nothing is left; return the pids that are left in spite of that."""
        ends_at = time.monotonic() + DYING
        while (left := list(descendants())) and time.monotonic() < ends_at:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._reap()
            time.sleep(0.02)
        return left

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self.pid:
                    self.exit_code = os.waitstatus_to_exitcode(ended[1])


def _die_with_parent() -> None:
    # For the case that the keeper itself is killed.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def descendants() -> Iterator[int]:
    """Yield the pid of every living process below this one."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                # A zombie has no children, and only its own parent can reap it.
                if state != "Z" or int(parent) == os.getpid():
                    children.setdefault(int(parent), []).append(int(entry.name))
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        yield from below
        waiting += below


def main() -> int:
    """``keeper.py [--logs OUT ERR MOST] ASKER GRACE COMMAND…``; prints ``pid N`` once it runs."""
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the command's output goes to its stderr, unless it has separate logs
    arguments, logs = sys.argv[1:], []
    if arguments[0] == "--logs":
        logs = [CappedLog(Path(name), int(arguments[3])) for name in arguments[1:3]]
        del arguments[:4]
    try:
        keeper = Keeper(arguments[2:], int(arguments[0]), float(arguments[1]), logs)
    except OSError as error:
        print(error, file=report)
        return 1
    with report:
        print("pid", keeper.pid, file=report)
    code = keeper.run()
    # A signal that comes during Python's own finalization would replace this exit code.
    os._exit(128 - code if code < 0 else code)


if __name__ == "__main__":
    sys.exit(main())
