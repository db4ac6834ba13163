"""Keeps one driver host alive: an epoch ends when its host does, and the next one follows."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from libra_provider.server.driver import properties
from libra_provider.server.driver.messages import (
    Broken,
    Ended,
    Estimated,
    Message,
    Progressed,
    Ready,
    Stop,
    decode,
)
from libra_provider.server.driver.process import HOST_COMMAND, HostProcess
from libra_provider.server.settings import Settings
from libra_provider.server.statement import Epoch

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 30.0
_TRY_AGAIN = 2.0
_STOP_WITHIN = 8.0
_LAST_BREATH = 0.5


class Listener(Protocol):
    """Who is told of what happens in the driver."""

    async def epoch_begins(self) -> Epoch:
        """The epoch that is about to start."""

    def epoch_ready(self, epoch: Epoch, ready: Ready) -> None:
        """The driver of *epoch* takes statements."""

    def statement_ended(self, ended: Ended) -> None:
        """A statement is over."""

    def statement_progressed(self, progressed: Progressed) -> None:
        """A statement has come further."""

    def estimated(self, estimated: Estimated) -> None:
        """An estimate was asked for, and is here."""

    def epoch_ended(self, reason: str) -> None:
        """Every process of the last epoch is gone."""


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

    def say(self, message: Message) -> None:
        """Send *message*; if the driver just died, :meth:`Listener.epoch_ended` follows."""
        if self._process:
            self._process.say(message)

    def start(self, listener: Listener) -> None:
        """Begin the first epoch; call it on the event loop's thread, see HostProcess.start."""
        self._task = asyncio.create_task(self._run(listener), name="driver supervisor")

    async def stop(self) -> None:
        """Return when every process of the driver is gone; it is asked politely at first."""
        self._stopping = True
        if self.facts:
            self.say(Stop())
            await asyncio.wait([self._task], timeout=_STOP_WITHIN)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self, listener: Listener) -> None:
        failures = 0
        while not self._stopping:
            epoch = self.epoch = await self._next(listener)
            served = await self._live(epoch, listener)
            if self._stopping:
                return
            reason = f"{self.problem}; its log is {self._log_of(epoch)}"
            _log.error("Driver epoch %s is over: %s", epoch.number, reason)
            listener.epoch_ended(reason)
            failures = 0 if served else failures + 1
            await asyncio.sleep(min(2.0**failures - 1, _LONGEST_PAUSE))

    async def _next(self, listener: Listener) -> Epoch:
        while True:
            try:
                return await listener.epoch_begins()
            except Exception as error:  # noqa: BLE001  # whoever mends it must find us alive
                _log.exception("No driver epoch can begin; trying again")
                self.problem = f"no driver epoch can begin: {error}"
                await asyncio.sleep(_TRY_AGAIN)

    async def _live(self, epoch: Epoch, listener: Listener) -> bool:
        """Whether the driver ever took statements; its processes are gone, ``problem`` says why."""
        try:
            self._process = await self._start(epoch)
        except OSError as error:
            self.problem = f"the driver host cannot be started: {error}"
            return False
        served = False
        last_words = ""
        try:
            async for line in self._process.reader:
                match message := decode(line):
                    case Ready():
                        served = True
                        self._begin(epoch, message, listener)
                    case Broken():
                        last_words = message.reason
                    case _:
                        _tell(listener, message)
        except Exception as error:  # noqa: BLE001  # another driver must start all the same
            _log.exception("What the driver said cannot be taken in")
            last_words = f"it said what is no message, or cannot be taken in: {error!r}"
        finally:
            self.facts = None
            code = await self._process.end(within=_LAST_BREATH)
        self.problem = last_words or f"the driver host ended with exit code {code}"
        return served

    def _begin(self, epoch: Epoch, ready: Ready, listener: Listener) -> None:
        self.facts = ready
        listener.epoch_ready(epoch, ready)
        _log.info(
            "The driver takes statements: application %s on %s, its Spark UI at %s (epoch %s)",
            *(ready.application_id, ready.master, ready.spark_ui, epoch.number),
        )
        if ready.catalog == "in-memory":
            _log.warning(
                "Tables of spark_catalog end with this driver, because the catalog is in memory;"
                " docs/libra.md says how to keep them"
            )

    def _log_of(self, epoch: Epoch) -> Path:
        return self._settings.data_dir / "logs" / f"driver-{epoch.number}.log"

    async def _start(self, epoch: Epoch) -> HostProcess:
        folder = self._settings.data_dir / "run" / str(epoch.number)
        _remove_others(folder)
        arguments = {
            "--properties": properties.write(self._settings, folder),
            "--results": self._settings.results_dir,
            "--logs": self._settings.statement_logs_dir,
            "--threads": self._settings.max_running,
            "--python-memory": self._settings.python_memory,
            "--max-python-sessions": self._settings.max_python_sessions,
        }
        options = [str(part) for pair in arguments.items() for part in pair]
        env = dict(os.environ)
        if self._settings.is_loopback and "spark.driver.host" not in self._settings.spark:
            env["SPARK_LOCAL_IP"] = "127.0.0.1"  # Spark's UI binds to this, not to bindAddress
        return await HostProcess.start(
            [*self._command, *options], tag=epoch.tag, env=env, log=self._log_of(epoch)
        )


def _tell(listener: Listener, message: Message) -> None:
    match message:
        case Ended():
            listener.statement_ended(message)
        case Progressed():
            listener.statement_progressed(message)
        case Estimated():
            listener.estimated(message)


def _remove_others(folder: Path) -> None:
    """Remove what past epochs left beside *folder*: their properties may hold secrets."""
    for past in folder.parent.glob("*"):
        if past != folder:
            shutil.rmtree(past, ignore_errors=True)
