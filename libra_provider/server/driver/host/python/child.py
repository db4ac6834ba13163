"""The process that runs the Python of one session, as the driver host sees it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libra_provider.core.units import MIB, readable_size
from libra_provider.server.driver.process import MARK

_LONGEST_ANSWER = 64 * MIB
_KEEPER = "libra_provider.processes.python_keeper"
_COMMAND = "libra_provider.server.driver.host.python.interpreter"
# The first is a mark, not a secret: by it everything that an epoch has started is found.
_KEPT = (MARK,)
_WITHHELD = ("LIBRA_", "SPARK_", "PYSPARK_GATEWAY", "PYSPARK_SUBMIT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLimits:
    """The limits of one child, with everything that it starts."""

    memory: int = 2048 * MIB
    processes: int = 256
    log_size: int = 16 * MIB
    """Bytes of stdout and of stderr that are kept of each statement."""
    report_within: float = 5.0
    """Seconds for its keeper to report how it ended: on a busy machine, it waits for its turn."""


class ChildEnded(Exception):
    """The child has ended; the message is why, and begins with a verb."""


class PythonChild:
    """A Python process that runs statements; nothing that it starts outlives it.

    *token* is for Spark Connect; its working directory is a new folder in *folder*.
    """

    def __init__(self, limits: ChildLimits, token: str, folder: Path) -> None:
        self._limits = limits
        own = tempfile.mkdtemp(prefix="python-", dir=folder)
        self._keeper_line, keepers = socket.socketpair()
        self._line, childs = socket.socketpair()
        socket_of_child = str(childs.fileno())
        sizes = (limits.memory, limits.processes, limits.log_size)
        python = (sys.executable, "-m")
        keeper = [*python, _KEEPER, *map(str, sizes), socket_of_child, own]
        with keepers, childs:
            self._keeper = subprocess.Popen(
                [*keeper, *python, _COMMAND, socket_of_child],
                stdin=keepers.fileno(),
                pass_fds=[childs.fileno()],
                env=_environment(os.environ, token),
                start_new_session=True,
            )
        self._answers = self._line.makefile("rb")
        self._reports = self._keeper_line.makefile("rb")
        self._last_words = ""
        self._ended: str | None = None

    def log_to(self, path: Path) -> None:
        """Write its output to *path* with ``.stdout`` and ``.stderr`` added, from now on."""
        self._tell_keeper(f"log {path}")
        self._report()

    def run(self, statement: Mapping[str, Any]) -> dict[str, Any]:
        """Return the response of the interpreter; raises ChildEnded."""
        with contextlib.suppress(OSError):  # it has ended, which the missing response shows
            self._line.sendall(json.dumps(statement).encode() + b"\n")
        answer = self._answer()
        if answer is None:
            # Unless it has only closed its socket, its keeper is about to say how it ended.
            select.select([self._keeper_line], [], [], self._limits.report_within)
            raise ChildEnded(self.end())
        self._tell_keeper("drain")
        if self._report() != "drained":
            raise ChildEnded(self.end())
        return answer

    def kill(self) -> None:
        """End it now; from any thread, while another one waits for its response."""
        with contextlib.suppress(OSError):  # the keeper was quicker
            self._keeper_line.shutdown(socket.SHUT_WR)

    @property
    def has_ended(self) -> bool:
        """Return whether it has ended, or is ending."""
        # The keeper sends nothing without a request but its last report.
        return self._ended is not None or bool(select.select([self._keeper_line], [], [], 0)[0])

    def end(self) -> str:
        """End it if it still runs, and return why it ended, when all that it started is gone."""
        if self._ended is None:
            self.kill()
            while self._report():
                pass
            self._keeper.wait()
            for each in (self._answers, self._reports, self._line, self._keeper_line):
                each.close()
            self._ended = self._why()
        return self._ended

    def _answer(self) -> dict[str, Any] | None:
        try:
            line = self._answers.readline(_LONGEST_ANSWER)
            answer = json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError):
            return None
        # User code that finds the socket may write anything.
        return answer if isinstance(answer, dict) else None

    def _report(self) -> str:
        try:
            report = self._reports.readline().decode().strip()
        except OSError:
            return ""
        if report.startswith("ended"):
            self._last_words = report
        return report

    def _tell_keeper(self, statement: str) -> None:
        with contextlib.suppress(OSError):  # the thread that waits for its report handles it
            self._keeper_line.sendall(statement.encode() + b"\n")

    def _why(self) -> str:
        _, code, why, *_ = f"{self._last_words}   ".split(" ")
        if why:
            return _WHY[why].format(self._limits, memory=readable_size(self._limits.memory))
        if not code or code == "None":
            return "was killed together with its keeper"
        if int(code) < 0:
            return f"died of {signal.Signals(-int(code)).name}"
        return f"ended itself with exit code {code}"


_WHY = {
    "memory": "took more than its {memory} of memory (python_memory)",
    "processes": "started more than {0.processes} processes",
    "told": "was ended",
}


def _environment(given: Mapping[str, str], token: str) -> dict[str, str]:
    kept = {name: each for name, each in given.items() if not name.startswith(_WITHHELD)}
    marks = {name: given[name] for name in _KEPT if name in given}
    connect = {"SPARK_CONNECT_MODE_ENABLED": "1", "SPARK_CONNECT_AUTHENTICATE_TOKEN": token}
    return kept | marks | connect
