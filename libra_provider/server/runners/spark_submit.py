"""Drivers on Libra's own host: one supervised ``spark-submit`` for each statement."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from libra_provider.clients.standalone.create_request import TAG
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.status import DriverLocation
from libra_provider.processes import keeper
from libra_provider.server.driver.messages import StatementEnded
from libra_provider.server.driver.process import MARK, end_leftovers, without_secrets
from libra_provider.server.driver.spark_properties import (
    JAVA_OPTIONS,
    as_java_properties,
    loopback,
    scratch,
)
from libra_provider.server.model.receipt import Receipt
from libra_provider.server.model.statement import State
from libra_provider.server.runners.base import IsolatedRun, known_end, lost, succeeded
from libra_provider.server.runners.job import job_of
from libra_provider.server.runners.payload import beside_libra
from libra_provider.server.settings import Settings
from libra_provider.server.statement_logs import StatementLogs
from libra_provider.server.timing import DEFAULT, ClientTiming

_MOST_TEXT = 2**16  # characters of the output that the ledger keeps for the old API
_KILLED = (128 + 9, -9)  # as shells report it, and as asyncio does for the keeper
_WHERE = "on Libra's host"


class SparkSubmitRunner:
    """Runs drivers that end with Libra: their keepers ensure it, however Libra ends."""

    ends_with_libra = True

    def __init__(
        self,
        settings: Settings,
        timing: ClientTiming = DEFAULT.client,
        *,
        program: Path | None = None,
    ) -> None:
        self._settings, self._timing = settings, timing
        self._program = program

    async def run(self, run: IsolatedRun) -> StatementEnded:
        """Run ``spark-submit`` to its end; when this returns, none of its processes is left."""
        if run.resumed:
            return await self._end_what_is_left(run)
        logs = StatementLogs(self._settings.statement_logs_dir, run.job_id)
        logs.prepare()
        folder = self._folder(run)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            command, env = self._submission(run, folder)
            async with self._kept(command, env, folder, logs) as process:
                await self._watch(run, process, logs)
        finally:
            await asyncio.to_thread(self._clear, run)
        receipt = await run.receipt()
        return await asyncio.to_thread(_outcome, run, process.returncode, logs, receipt)

    async def close(self) -> None:
        """Nothing is open between statements."""

    def _folder(self, run: IsolatedRun) -> Path:
        """The working directory of a driver, removed at its end."""
        return self._settings.data_dir / "isolated" / run.job_id

    async def _end_what_is_left(self, run: IsolatedRun) -> StatementEnded:
        await asyncio.to_thread(self._clear, run)
        why = "Libra ended while it ran, and its driver on Libra's host with it"
        return lost(run.job_id, why)

    def _clear(self, run: IsolatedRun) -> None:
        end_leftovers(run.job_id)
        shutil.rmtree(self._folder(run), ignore_errors=True)

    def _submission(self, run: IsolatedRun, folder: Path) -> tuple[list[str], dict[str, str]]:
        """The command and its environment; secrets are in a file in *folder*."""
        job = job_of(run.statement, self._settings, folder=folder)
        job = beside_libra(job, run.statement, self._settings, folder)
        file = folder / "spark.properties"
        _write_private(file, as_java_properties(self._properties(job, run.job_id, folder)))
        main = ["--class", str(job.java_class)] if job.java_class else []
        submit = self._program or spark_home() / "bin" / "spark-submit"
        command = [str(submit), "--properties-file", str(file)]
        words = [*main, str(job.application), *job.application_args]
        return [*command, *words], self._env(job, run)

    def _properties(self, job: SparkJob, tag: str, folder: Path) -> dict[str, str]:
        return {
            "spark.sql.warehouse.dir": str(self._settings.data_dir / "warehouse"),
            # A driver that is killed leaves its scratch files where they are.
            "spark.local.dir": str(folder),
            JAVA_OPTIONS: scratch(folder),
            **loopback(self._settings),
            **({"spark.app.name": job.name} if job.name else {}),
            **job.conf,
            "spark.master": self._settings.master,
            "spark.submit.deployMode": "client",
            TAG: tag,
        }

    def _env(self, job: SparkJob, run: IsolatedRun) -> dict[str, str]:
        env = without_secrets(os.environ) | {MARK: run.job_id}
        env.setdefault("PYSPARK_PYTHON", sys.executable)
        env["PYSPARK_DRIVER_PYTHON"] = env["PYSPARK_PYTHON"]
        if self._settings.is_loopback and "spark.driver.host" not in job.conf:
            env["SPARK_LOCAL_IP"] = "127.0.0.1"
        return {**env, **job.env_vars}

    @asynccontextmanager
    async def _kept(
        self, command: list[str], env: Mapping[str, str], folder: Path, logs: StatementLogs
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start the keeper of *command*; on exit, it and all its processes have ended."""
        files = [str(logs.path(stream)) for stream in ("stdout", "stderr")]
        most = str(self._settings.isolated.log_max_bytes)
        keep = [sys.executable, "-I", "-S", keeper.__file__, "--logs", *files, most]
        process = await asyncio.create_subprocess_exec(
            *[*keep, str(os.getpid()), str(self._timing.grace), *command],
            env=env,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _signal(process, keeper.KILL)
            await process.wait()

    async def _watch(
        self, run: IsolatedRun, process: asyncio.subprocess.Process, logs: StatementLogs
    ) -> None:
        """Wait until the keeper has ended; signal it to end if the statement is killed."""
        ended = asyncio.create_task(process.wait())
        killed = asyncio.create_task(run.killed.wait())
        looks = asyncio.create_task(self._locate(run, logs))
        try:
            await asyncio.wait([ended, killed], return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                _signal(process, keeper.STOP)
            await ended
            if not looks.done():
                await self._look(run, logs)
        finally:
            for each in (ended, killed, looks):
                each.cancel()

    async def _locate(self, run: IsolatedRun, logs: StatementLogs) -> None:
        """Note the driver's location now, and again once its log contains the application's id."""
        run.note(location=DriverLocation(where=_WHERE, host=self._host))
        while True:
            if await self._look(run, logs):
                return
            await asyncio.sleep(self._timing.look_every)

    async def _look(self, run: IsolatedRun, logs: StatementLogs) -> bool:
        """Note the application if the log contains its id; return whether it does."""
        application, port = await asyncio.to_thread(logs.application)
        if application:
            page = f"http://{self._host}:{port}" if port else None
            place = DriverLocation(
                where=_WHERE, host=self._host, application_id=application, spark_ui=page
            )
            run.note(location=place)
        return application is not None

    @property
    def _host(self) -> str:
        return "127.0.0.1" if self._settings.is_loopback else socket.gethostname()


def _outcome(
    run: IsolatedRun, code: int | None, logs: StatementLogs, receipt: Receipt | None
) -> StatementEnded:
    """How it ended, by spark-submit's exit code (128 + N after signal N) and its output."""
    if code == 0 and run.statement.spec.as_text:
        text = logs.text("stdout")[-_MOST_TEXT:]
        return StatementEnded(job_id=run.job_id, state=State.SUCCESS, text=text)
    if code == 0:
        return succeeded(run, receipt)
    if run.killed.is_set():
        return StatementEnded(job_id=run.job_id, state=State.CANCELLED, error="It was killed.")
    if (reported := known_end(run, receipt)) and reported.state == State.FAILED:
        return reported
    sentence = logs.first_exception() or _last_resort(code)
    return StatementEnded(job_id=run.job_id, state=State.FAILED, error=sentence)


def _last_resort(code: int | None) -> str:
    if code in _KILLED:
        return "The driver was killed by SIGKILL, not by Libra; was this host out of memory?"
    return f"spark-submit ended with exit code {code}; see the statement's log."


def _signal(process: asyncio.subprocess.Process, signal: int) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal)


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text.encode())


@functools.cache
def spark_home() -> Path:
    """The Spark installation of the shared driver, found without importing it."""
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise BadInput("pyspark", None, "install airflow-provider-libra[server]")
    return Path(found.origin).parent
