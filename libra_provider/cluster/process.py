"""Starts a server process, and stops it with everything that it has started."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Self, cast

from libra_provider.cluster.startable import Startable
from libra_provider.core.errors import KillNotVerified, ServerUnreachable
from libra_provider.core.masking import masked_text
from libra_provider.processes import keeper

# Seconds; on a busy machine, the first start after an installation takes minutes.
READY_WITHIN = 300.0
# The messages of Java, uvicorn and Python.
TAKEN_PORT = re.compile("address already in use|failed to bind", re.IGNORECASE)


class ManagedProcess(Startable):
    """A command that ends, with all its descendants, at the latest when this process ends.

    :meth:`start` waits until *ready* returns True. Output is appended to *log_file*. ``url`` is
    where its web pages are. A process that was stopped or killed can be restarted.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        log_file: Path,
        ready: Callable[[], bool] = lambda: True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        grace: float = 10.0,
        url: str = "",
    ) -> None:
        self.command, self.name, self.log_file, self.url = list(command), name, log_file, url
        self._ready, self._env, self._cwd, self._grace = ready, env, cwd, grace
        self._keeper: subprocess.Popen[str] | None = None
        self._log_start = 0
        self.pid = 0

    def start(self, within: float = READY_WITHIN) -> Self:
        """Start it and wait, at most *within* seconds, until it is ready.

        If it ends early or is not ready in time, or the wait is interrupted, it is stopped. Raises
        ServerUnreachable with the end of its log.
        """
        try:
            self.launch()
            self.wait_until_ready(within)
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self) -> None:
        """Start it without waiting for it to be ready."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        start = [sys.executable, "-I", "-S", keeper.__file__, str(os.getpid()), str(self._grace)]
        with self.log_file.open("a") as output:
            self._log_start = output.tell()
            self._keeper = subprocess.Popen(
                [*start, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
                text=True,
            )
        with cast("IO[str]", self._keeper.stdout) as report:
            word, _, rest = report.readline().partition(" ")
        if word != "pid":
            self.stop()
            raise ServerUnreachable(self.name, f"it could not be started: {word} {rest}".strip())
        self.pid = int(rest)

    def run_to_end(self, within: float = READY_WITHIN) -> None:
        """Start it and wait until it has ended; raises ServerUnreachable unless it returns 0."""
        gives_up_at = time.monotonic() + within
        try:
            self.launch()
            while self.is_alive:
                if time.monotonic() > gives_up_at:
                    raise self._failure(f"it had not ended after {within:.0f} s")
                time.sleep(0.05)
        finally:
            self.stop()
        if self.exit_code:
            raise self._failure(f"it ended with exit code {self.exit_code}")

    def wait_until_ready(self, within: float = READY_WITHIN) -> None:
        """Return once it is ready; raises ServerUnreachable without stopping it if it is not."""
        gives_up_at = time.monotonic() + within
        while not self._ready():
            if taken := self._taken_port():
                raise ServerUnreachable(self.name, f"another process uses its port: {taken}")
            if not self.is_alive:
                raise self._failure(f"it ended with exit code {self.exit_code}")
            if time.monotonic() > gives_up_at:
                raise self._failure(f"it was not ready after {within:.0f} s")
            time.sleep(0.05)

    def _taken_port(self) -> str | None:
        """Return the line of its log about a port in use; Spark's master runs on without it."""
        lines = self.log_text().splitlines()
        return next((line for line in lines if TAKEN_PORT.search(line)), None)

    def _failure(self, problem: str) -> ServerUnreachable:
        end = self.log_tail() or "(empty)"
        return ServerUnreachable(
            self.name, f"{problem}; the end of its log {self.log_file}:\n{end}"
        )

    @property
    def is_alive(self) -> bool:
        """Return whether the command runs; its descendants end soon after it."""
        return self._keeper is not None and self._keeper.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Return the command's exit code (128 + N after signal N), or None while it runs."""
        return self._keeper.poll() if self._keeper else None

    def log_text(self) -> str:
        """Return what it has written since its last start."""
        with contextlib.suppress(FileNotFoundError), self.log_file.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")
        return ""

    def log_tail(self, lines: int = 8) -> str:
        """Return the last *lines* that it has written since its last start, without secrets."""
        return masked_text("\n".join(self.log_text().splitlines()[-lines:]))

    def stop(self) -> None:
        """Ask it to end, end it and all its descendants; raises KillNotVerified if one is left."""
        self._end(keeper.STOP)

    def kill(self) -> None:
        """End it and all its descendants at once, as a crash would."""
        self._end(keeper.KILL)

    def _end(self, how: signal.Signals) -> None:
        if self._keeper is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._keeper.send_signal(how)
        try:
            code = self._keeper.wait(self._grace + 2 * keeper.DYING)
        except subprocess.TimeoutExpired:
            code = None
        if code in (None, keeper.UNSTOPPABLE, -signal.SIGKILL):
            raise KillNotVerified(self.name, f"look for the descendants of process {self.pid}")

    def __enter__(self) -> Self:
        return self if self.is_alive else self.start()


def stop_all(processes: Iterable[ManagedProcess]) -> None:
    """Stop them at the same time; every one is tried before KillNotVerified is raised."""
    with ThreadPoolExecutor() as pool:
        ends = [pool.submit(each.stop) for each in processes]
    for end in ends:
        end.result()
