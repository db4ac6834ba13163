"""Runs the Python process of one session: copies its output, and limits memory and processes.

Run by Libra as ``python_keeper.py MEMORY PROCESSES LOG_SIZE SOCKET FOLDER COMMAND…``. Its standard
input is a socket to Libra, SOCKET a descriptor for the command, and FOLDER the working directory,
which is removed at the end. It reads one command per line and responds when it is done:
``logging`` to ``log PATH`` (later output goes to ``PATH.stdout`` and ``PATH.stderr``), ``drained``
to ``drain`` (all earlier output is in these files). Its last line is ``ended CODE WHY``. When the
socket closes, it ends everything.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from libra_provider.processes.keeper import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, descendants

_CHUNK = 2**16
_PIPE = 2**20  # the capacity of a pipe: more than this is not read at once
_TICK, _IDLE_TICK = 0.25, 2.0  # seconds between two checks of memory and processes
_libc = ctypes.CDLL(None, use_errno=True)


class Output:
    """One output stream of the command, whose first *most* bytes per file are kept."""

    def __init__(self, suffix: str, most: int) -> None:
        self._suffix, self._most = suffix, most
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        self._file: BinaryIO | None = None
        self._left = self._dropped = 0

    def go_to(self, path: str) -> None:
        """Write to another file from now on."""
        with contextlib.suppress(OSError):
            # Stays open until the next command.
            self._file = Path(path + self._suffix).open("ab", buffering=0)  # noqa: SIM115
        self._left, self._dropped = self._most, 0

    def copy(self, at_most: int = _PIPE) -> bool:
        """Copy what was printed; return whether more may come."""
        with contextlib.suppress(BlockingIOError):
            while at_most > 0:
                data = os.read(self.read_end, _CHUNK)
                if not data:
                    return False
                at_most -= len(data)
                self._keep(data)
        return True

    def drain(self) -> None:
        """Copy what was printed, and note in the file how much of it was dropped."""
        self.copy(2 * _PIPE)
        if self._dropped:
            self._write(b"\n... %d more bytes were dropped.\n" % self._dropped)
            self._dropped = 0

    def _keep(self, data: bytes) -> None:
        kept = data[: self._left]
        self._left -= len(kept)
        self._dropped += len(data) - len(kept)
        if kept:
            self._write(kept)

    def _write(self, data: bytes) -> None:
        # A full disk is no reason to stop reading.
        with contextlib.suppress(OSError):
            if self._file:
                self._file.write(data)


class PythonKeeper:
    """The command and all its descendants; *memory* (bytes) is the limit of them together."""

    def __init__(self, libra: socket.socket, *, memory: int, processes: int, log_size: int) -> None:
        self._libra = libra
        self._orders = libra.makefile("rb", buffering=0)
        self._memory, self._processes = memory, processes
        self._outputs = [Output(suffix, log_size) for suffix in (".stdout", ".stderr")]
        self._open = {each.read_end: each for each in self._outputs}
        self._looked_at = 0.0
        self._busy = False
        self._exit_code: int | None = None
        self._why = ""

    def run(self, command: list[str], descriptor: int, folder: Path) -> None:
        """Return when the command and all its descendants have ended and Libra is notified."""
        out, err = self._outputs
        self._command = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out.write_end,
            stderr=err.write_end,
            pass_fds=[descriptor],
            start_new_session=True,
            preexec_fn=_be_the_first_to_go,  # noqa: PLW1509 - the keeper has one thread
        )
        for ours in (out.write_end, err.write_end, descriptor):
            os.close(ours)
        self._end = os.pidfd_open(self._command.pid)
        while self._exit_code is None and not self._why:
            self._serve()
        self._kill_all()
        for output in self._outputs:
            output.drain()
        shutil.rmtree(folder, ignore_errors=True)
        if self._why == "told" and self._exit_code != -signal.SIGKILL:
            self._why = ""  # it had ended by itself, and Libra noticed that first
        self._say(f"ended {self._exit_code} {self._why}")

    def _serve(self) -> None:
        orders = self._libra.fileno()
        ready, _, _ = select.select([orders, self._end, *self._open], [], [], self._tick)
        for output in [self._open[each] for each in ready if each in self._open]:
            if not output.copy():
                del self._open[output.read_end]
        if orders in ready:
            self._obey()
        self._reap()
        self._look()

    @property
    def _tick(self) -> float:
        return _TICK if self._busy else _IDLE_TICK

    def _obey(self) -> None:
        order, _, path = self._orders.readline().decode().strip().partition(" ")
        if order == "log":
            self._busy = True
            for output in self._outputs:
                output.go_to(path)
            self._say("logging")
        elif order == "drain":
            self._busy = False
            for output in self._outputs:
                output.drain()
            self._say("drained")
        else:
            self._why = "told"

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < self._tick:
            return
        self._looked_at = now
        living = list(descendants())
        if len(living) > self._processes:
            self._why = "processes"
        # Forked processes share memory, which is expensive to count exactly: only near the limit.
        elif _total(living, _own_memory) > self._memory and _total(living, _share) > self._memory:
            self._why = "memory"

    def _kill_all(self) -> None:
        """Send SIGKILL until nothing is left."""
        groups = {self._command.pid}
        while groups:
            for group in groups:
                # A whole group at once: killing one by one could not keep up with a fork bomb.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
            self._reap()
            time.sleep(0.005)
            groups = set(filter(None, map(_group_of, descendants())))
        self._reap()

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._command.pid:
                    self._exit_code = os.waitstatus_to_exitcode(ended[1])

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self._libra.sendall(line.encode() + b"\n")


def _group_of(pid: int) -> int | None:
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(pid)
    return None


def _total(pids: list[int], memory_of: Callable[[Path], int]) -> int:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += memory_of(Path("/proc") / str(pid))
    return total


def _own_memory(process: Path) -> int:
    return sum(_sizes(process / "status", (b"RssAnon:", b"RssShmem:")))


def _share(process: Path) -> int:
    return sum(_sizes(process / "smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:")))


def _sizes(path: Path, names: tuple[bytes, ...]) -> Iterator[int]:
    for line in path.read_bytes().splitlines():
        if line.startswith(names):
            yield 1024 * int(line.split()[1])


def _be_the_first_to_go() -> None:
    # When the keeper itself is killed, or the machine runs out of memory.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def main() -> None:
    """Run the command of the command line."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    memory, processes, log_size, descriptor = map(int, sys.argv[1:5])
    libra = socket.socket(fileno=0)
    keeper = PythonKeeper(libra, memory=memory, processes=processes, log_size=log_size)
    keeper.run(sys.argv[6:], descriptor, Path(sys.argv[5]))


if __name__ == "__main__":
    main()
