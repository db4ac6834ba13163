"""The processes of one driver epoch: how they start, and how it is verified that they ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from libra_provider.server.driver.messages import Message, encode

# In the environment of every process of an epoch, or of an ISOLATED statement: its tag.
MARK = "LIBRA_TAG"
# A line of the channel carries at most the text of 20 rows.
_LONGEST_LINE = 2**26
HOST_COMMAND: Sequence[str] = (sys.executable, "-m", "libra_provider.server.driver.host")


class HostProcess:
    """A host with its JVM, in their own process group."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        tag: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._tag = tag
        self.reader = reader
        self._writer = writer

    @classmethod
    async def start(
        cls, command: Sequence[str], *, tag: str, env: Mapping[str, str], log: Path
    ) -> HostProcess:
        """Start a host by *command* with the channel's descriptor; its output goes to *log*.

        Call it on a thread that lives as long as the host: the kernel ends the host with the
        thread that forked it.
        """
        ours, theirs = socket.socketpair()
        with theirs, log.open("ab") as output:
            process = subprocess.Popen(  # noqa: ASYNC220  # must fork on this thread, see above
                [*command, "--channel", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=without_secrets(env) | {MARK: tag},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_LONGEST_LINE)
        return cls(process, tag, reader, writer)

    def say(self, message: Message) -> None:
        """Send *message*; it is lost if the host has ended."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def end(self, *, within: float = 0.0) -> int:
        """Return the host's exit code, when its whole group has ended.

        It may exit by itself for *within* seconds, then it is killed.
        """
        try:
            await asyncio.to_thread(self._process.wait, within)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._writer.close()
            self.kill()
        code = await asyncio.to_thread(self._process.wait)
        await asyncio.to_thread(end_leftovers, self._tag)
        return code

    def kill(self) -> None:
        """Send SIGKILL to the whole group; does nothing if it has ended."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def without_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """Return *env* without Libra's own variables."""
    # SQL can read the driver's environment: reflect('java.lang.System', 'getenv', …).
    return {name: value for name, value in env.items() if not name.startswith("LIBRA_")}


def end_leftovers(tag: str) -> None:
    """Kill every process marked with *tag*; returns when none is left."""
    while members := list(_members(tag)):
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def _members(tag: str) -> Iterator[int]:
    # By a mark in the environment, which children inherit: process ids are reused.
    mark = f"{MARK}={tag}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)
        except OSError:
            continue  # it ended meanwhile (a zombie has no environment), or is another user's
