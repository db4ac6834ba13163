"""Keeps one driver host alive: an epoch ends when its host does, and the next one follows."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from libra_provider.server.driver import properties
from libra_provider.server.driver.messages import (
    Broken,
    Ended,
    Message,
    Ready,
    Stop,
    decode,
)
from libra_provider.server.driver.process import HOST_COMMAND, HostProcess
from libra_provider.server.settings import Settings
from libra_provider.server.statement import Epoch

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 30.0
_STOP_WITHIN = 8.0
_LAST_BREATH = 0.5


class Listener(Protocol):
    """Who is told of what happens in the driver."""

    async def epoch_begins(self) -> Epoch:
        """The epoch that is about to start."""

    async def epoch_ready(self, epoch: Epoch, ready: Ready) -> None:
        """The driver of *epoch* takes statements."""

    async def statement_ended(self, ended: Ended) -> None:
        """A statement is over."""

    async def epoch_ended(self, epoch: Epoch, reason: str) -> None:
        """Every process of *epoch* is gone."""


class Supervisor:
    """The driver as the API process sees it.

    ``facts`` is what the driver said of itself, None while there is none; ``problem`` then says
    why, in words for people.
    """

    def __init__(self, settings: Settings, *, command: Sequence[str] = HOST_COMMAND) -> None:
        self._settings = settings
        self._command = command
        self._process: HostProcess | None = None
        self._stopping = False
        self._task: asyncio.Task[None]
        self.facts: Ready | None = None
        self.problem = "the driver is starting"
        self.epoch: Epoch | None = None
        self._up = asyncio.Event()

    async def ready(self) -> Epoch:
        """The present epoch, once its driver takes statements."""
        await self._up.wait()
        assert self.epoch  # noqa: S101  # _up is set only while there is one
        return self.epoch

    async def say(self, message: Message) -> None:
        """Send *message* to the driver; if it just died, :meth:`Listener.epoch_ended` follows."""
        if self._process:
            try:
                await self._process.say(message)
            except OSError:
                _log.info("The driver is gone; %s was not sent.", type(message).__name__)

    def start(self, listener: Listener) -> None:
        """Begin the first epoch; call it on the event loop's thread, see HostProcess.start."""
        self._task = asyncio.create_task(self._run(listener), name="driver supervisor")

    async def stop(self) -> None:
        """Return when every process of the driver is gone; it is asked politely at first."""
        self._stopping = True
        if self._up.is_set():
            await self.say(Stop())
            await asyncio.wait([self._task], timeout=_STOP_WITHIN)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self, listener: Listener) -> None:
        failures = 0
        while not self._stopping:
            epoch = self.epoch = await listener.epoch_begins()
            served, reason = await self._live(epoch, listener)
            if self._stopping:
                return
            _log.error("Driver epoch %s is over: %s", epoch.number, reason)
            await listener.epoch_ended(epoch, reason)
            failures = 0 if served else failures + 1
            await asyncio.sleep(min(2.0**failures - 1, _LONGEST_PAUSE))

    async def _live(self, epoch: Epoch, listener: Listener) -> tuple[bool, str]:
        """Whether the driver ever took statements, and why it ended; its processes are gone."""
        log = self._settings.data_dir / "logs" / f"driver-{epoch.number}.log"
        self._process = await self._start(epoch, log)
        served, last_words = False, ""
        try:
            async for line in self._process.reader:
                match message := decode(line):
                    case Ready():
                        await self._begin(epoch, message, listener)
                        served = True
                    case Ended():
                        await listener.statement_ended(message)
                    case Broken():
                        last_words = message.reason
        finally:
            self._up.clear()
            self.facts = None
            code = await self._process.end(within=_LAST_BREATH)
        self.problem = last_words or f"the driver host ended with exit code {code}"
        return served, f"{self.problem}; its log is {log}"

    async def _begin(self, epoch: Epoch, ready: Ready, listener: Listener) -> None:
        await listener.epoch_ready(epoch, ready)
        self.facts = ready
        self._up.set()
        _log.info(
            "The driver takes statements: application %s on %s, its Spark UI at %s (epoch %s)",
            *(ready.application_id, ready.master, ready.spark_ui, epoch.number),
        )

    async def _start(self, epoch: Epoch, log: Path) -> HostProcess:
        folder = self._settings.data_dir / "run" / str(epoch.number)
        arguments = {
            "--properties": properties.write(self._settings, folder),
            "--results": self._settings.results_dir,
            "--threads": self._settings.max_running,
        }
        options = [str(part) for pair in arguments.items() for part in pair]
        env = dict(os.environ)
        if self._settings.is_loopback and "spark.driver.host" not in self._settings.spark:
            env["SPARK_LOCAL_IP"] = "127.0.0.1"  # Spark's UI binds to this, not to bindAddress
        return await HostProcess.start([*self._command, *options], tag=epoch.tag, env=env, log=log)
