"""Keeps one driver host running: an epoch ends with its host, and the next one follows."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from libra_provider.server.driver import application_check, spark_properties
from libra_provider.server.driver.heartbeat_monitor import HeartbeatMonitor
from libra_provider.server.driver.messages import (
    DriverFailed,
    DriverReady,
    EstimateResult,
    Heartbeat,
    Message,
    SessionHolds,
    StatementEnded,
    StatementProgress,
    StopDriver,
    VersionMismatch,
    decode,
)
from libra_provider.server.driver.process import HOST_COMMAND, HostProcess, end_leftovers
from libra_provider.server.model.statement import Epoch
from libra_provider.server.settings import Settings
from libra_provider.server.timing import DEFAULT, DriverTiming

_log = logging.getLogger(__name__)


class DriverListener(Protocol):
    """Receives what happens in the driver."""

    async def epoch_begins(self) -> Epoch:
        """Return the epoch that is about to start."""

    def epoch_ready(self, epoch: Epoch, ready: DriverReady) -> None:
        """The driver of *epoch* accepts statements."""

    def epoch_resumes(self) -> None:
        """The driver accepts statements again, after it had stalled."""

    def statement_ended(self, ended: StatementEnded) -> None:
        """A statement has ended."""

    def statement_progressed(self, progressed: StatementProgress) -> None:
        """A statement has made progress."""

    def session_holds(self, held: SessionHolds) -> None:
        """The state of a session has changed."""

    def estimated(self, estimated: EstimateResult) -> None:
        """A requested estimate has arrived."""

    def epoch_ended(self, reason: str) -> None:
        """Every process of the last epoch has ended, or *reason* names those that may still run."""


class Supervisor:
    """The driver as the API process sees it."""

    def __init__(
        self,
        settings: Settings,
        *,
        command: Sequence[str] = HOST_COMMAND,
        timing: DriverTiming = DEFAULT.driver,
    ) -> None:
        self._settings, self._timing = settings, timing
        self._command = command
        self._process: HostProcess | None = None
        self._stopping = False
        self._task: asyncio.Task[None]
        self._ready: DriverReady | None = None
        self._application: str | None = None
        self._silence = HeartbeatMonitor(self._timing)
        self._last_words = ""
        self._problem = "the driver is starting"
        self.epoch: Epoch | None = None

    @property
    def is_there(self) -> bool:
        """Return whether messages reach the driver, however long that takes."""
        return self._ready is not None

    @property
    def facts(self) -> DriverReady | None:
        """Return what the driver has reported about itself, or None if it accepts no statements."""
        return None if self._silence.is_noticed else self._ready

    @property
    def problem(self) -> str:
        """Return why the driver accepts no statements, as text."""
        return str(self._silence) if self._ready else self._problem

    def say(self, message: Message) -> None:
        """Send *message*; if the driver just died, :meth:`DriverListener.epoch_ended` follows."""
        if self._process:
            self._process.say(message)

    def start(self, listener: DriverListener, *, after: Epoch | None = None) -> None:
        """End what is left of the epoch *after* which the first one begins, then begin it.

        Call it on the event loop's thread, see HostProcess.start.
        """
        self._task = asyncio.create_task(self._run(listener, after), name="driver supervisor")

    async def stop(self) -> None:
        """Stop the driver, in order if possible; returns when its processes and files are gone."""
        self._stopping = True
        if self.facts:
            self.say(StopDriver())
            await asyncio.wait([self._task], timeout=self._timing.stop_within)
        self._task.cancel()
        await asyncio.wait([self._task])
        shutil.rmtree(self._run_folder, ignore_errors=True)

    async def doubts(self, *, within: float | None = None) -> str:
        """Return the end of a sentence: what of the last driver may still run; empty if nothing.

        It waits *within* seconds, or as long as Libra may take for it when it stops.
        """
        within = self._timing.gone_at_stop if within is None else within
        doubts = await application_check.doubts(
            self._settings, self._application, within=within, timing=self._timing
        )
        return f"; {doubts}" if doubts else ""

    async def _run(self, listener: DriverListener, last: Epoch | None) -> None:
        if last:
            await self._bury(last, listener)
        failures = 0
        while not self._stopping:
            epoch = self.epoch = await self._next(listener)
            self._application = None
            ready = await self._live(epoch, listener)
            if self._stopping:
                return
            doubts = await self.doubts(within=self._timing.gone_within)
            reason = f"{self._problem}; its log is {self._log_of(epoch)}{doubts}"
            _log.error("Driver epoch %s has ended: %s", epoch.number, reason)
            listener.epoch_ended(reason)
            failures = 0 if ready else failures + 1
            await asyncio.sleep(min(2.0**failures - 1, self._timing.longest_pause))

    async def _bury(self, epoch: Epoch, listener: DriverListener) -> None:
        """End what an earlier Libra has left of its driver."""
        await asyncio.to_thread(end_leftovers, epoch.tag)
        self._application = epoch.application_id
        doubts = await self.doubts(within=self._timing.gone_within)
        listener.epoch_ended(f"Libra itself ended while it ran{doubts}")

    async def _next(self, listener: DriverListener) -> Epoch:
        while True:
            try:
                return await listener.epoch_begins()
            except Exception as error:  # noqa: BLE001  # Libra must be running when it is fixed
                _log.exception("Could not begin a driver epoch; trying again")
                self._problem = f"could not begin a driver epoch: {error}"
                await asyncio.sleep(self._timing.try_again)

    async def _live(self, epoch: Epoch, listener: DriverListener) -> DriverReady | None:
        """Run an epoch to its end; returns what the driver reported, or None if it was never ready.

        Its processes are gone then, and ``problem`` is why.
        """
        try:
            process = self._process = await self._start(epoch)
        except OSError as error:
            self._problem = f"could not start the driver host: {error}"
            return None
        self._silence, self._last_words = HeartbeatMonitor(self._timing), ""
        watch = asyncio.create_task(self._end_when_silent(process), name="driver silence")
        try:
            async for line in process.reader:
                self._handle(decode(line), epoch, listener)
        except VersionMismatch as error:
            self._last_words = str(error)
        except Exception as error:  # noqa: BLE001  # another driver must still start
            _log.exception("Could not handle a message of the driver")
            self._last_words = f"Libra could not handle a message of its host: {error!r}"
        finally:
            ready, self._ready = self._ready, None
            watch.cancel()
            self._problem = f"the driver has ended: {self._last_words or 'its host has exited'}"
            code = await process.end(within=self._timing.exit_within)
        self._problem = self._last_words or f"the driver host ended with exit code {code}"
        return ready

    async def _end_when_silent(self, process: HostProcess) -> None:
        self._last_words = await self._silence.unbearable()
        process.kill()

    def _handle(self, message: Message, epoch: Epoch, listener: DriverListener) -> None:
        match message:
            case DriverReady():
                self._begin(epoch, message, listener)
            case Heartbeat():
                was_noticed = self._silence.is_noticed
                self._silence.end()
                if was_noticed:
                    _log.warning("The driver responds again (epoch %s)", epoch.number)
                    listener.epoch_resumes()
            case DriverFailed():
                self._last_words = message.reason
            case _:
                _tell(listener, message)

    def _begin(self, epoch: Epoch, ready: DriverReady, listener: DriverListener) -> None:
        self._ready, self._application = ready, ready.application_id
        self._silence.end()
        listener.epoch_ready(epoch, ready)
        _log.info(
            "The driver accepts statements: application %s on %s, Spark UI %s (epoch %s)",
            *(ready.application_id, ready.master, ready.spark_ui, epoch.number),
        )
        if ready.catalog == "in-memory":
            _log.warning(
                "Tables of spark_catalog are lost when this driver ends, because the catalog is in"
                " memory; see docs/libra.md for how to keep them"
            )

    @property
    def _run_folder(self) -> Path:
        return self._settings.data_dir / "run"

    def _log_of(self, epoch: Epoch) -> Path:
        return self._settings.data_dir / "logs" / f"driver-{epoch.number}.log"

    async def _start(self, epoch: Epoch) -> HostProcess:
        folder = self._run_folder / str(epoch.number)
        _remove_others(folder)
        arguments = {
            "--properties": spark_properties.write(self._settings, folder),
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


def _tell(listener: DriverListener, message: Message) -> None:
    match message:
        case StatementEnded():
            listener.statement_ended(message)
        case StatementProgress():
            listener.statement_progressed(message)
        case SessionHolds():
            listener.session_holds(message)
        case EstimateResult():
            listener.estimated(message)


def _remove_others(folder: Path) -> None:
    """Remove the folders of past epochs beside *folder*: their properties may contain secrets."""
    for past in folder.parent.glob("*"):
        if past != folder:
            shutil.rmtree(past, ignore_errors=True)
