"""All ISOLATED statements that have not ended; they take no slots of the shared driver."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial

from libra_provider.core.errors import LibraError
from libra_provider.core.kinds import DeployMode
from libra_provider.server.artifacts.store import ArtifactStore
from libra_provider.server.driver.messages import StatementEnded
from libra_provider.server.model.statement import State, Statement
from libra_provider.server.runners.base import IsolatedRun, RunListener, Runner, lost
from libra_provider.server.runners.cluster import ClusterRunner
from libra_provider.server.runners.spark_submit import SparkSubmitRunner
from libra_provider.server.settings import Settings
from libra_provider.server.statement_logs import LogPiece, StatementLogs, piece
from libra_provider.server.timing import DEFAULT, ServerTiming

_log = logging.getLogger(__name__)


class IsolatedQueue:
    """Lives on one event loop; each deploy mode has its own queue and its own limit."""

    def __init__(
        self,
        settings: Settings,
        listener: RunListener,
        artifacts: ArtifactStore,
        timing: ServerTiming = DEFAULT,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._cluster = ClusterRunner(settings, artifacts, timing.cluster)
        self._runners: Mapping[str, Runner] = {
            DeployMode.CLIENT: SparkSubmitRunner(settings, timing.client),
            DeployMode.CLUSTER: self._cluster,
        }
        self._room = {
            DeployMode.CLIENT: asyncio.Semaphore(settings.isolated.max_client),
            DeployMode.CLUSTER: asyncio.Semaphore(settings.isolated.max_cluster),
        }
        self._runs: dict[str, IsolatedRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """The number of accepted statements that have not started."""
        runs = self._runs.values()
        return sum(not each.has_begun and not each.killed.is_set() for each in runs)

    def submit(self, statement: Statement) -> None:
        """Run *statement* once there is room."""
        self._begin(statement, resumed=False)

    def resume(self, statement: Statement) -> None:
        """Take over a statement that was RUNNING when Libra last stopped."""
        self._begin(statement, resumed=True)

    def kill(self, job_id: str) -> None:
        """Kill *job_id*, unless it has ended."""
        if run := self._runs.get(job_id):
            run.killed.set()

    async def log(self, statement: Statement, stream: str, offset: int) -> LogPiece:
        """Return a part of the log of *statement*; raises NotReady if its worker is unavailable."""
        is_over = statement.state.is_terminal
        if statement.spec.deploy_mode == DeployMode.CLUSTER:
            return piece(await self._cluster.log_part(statement, stream, offset), is_over=is_over)
        logs = StatementLogs(self._settings.statement_logs_dir, statement.job_id)
        return piece(await asyncio.to_thread(logs.part, stream, offset), is_over=is_over)

    async def stop(self) -> None:
        """Stop drivers that end with Libra; the next start takes over the rest."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for runner in self._runners.values():
            await runner.close()

    def _begin(self, statement: Statement, *, resumed: bool) -> None:
        note = partial(self._listener.driver_noted, statement.job_id)
        receipt = partial(self._listener.receipt, statement.job_id)
        run = IsolatedRun(statement=statement, note=note, receipt=receipt, resumed=resumed)
        self._runs[run.job_id] = run
        task = asyncio.create_task(self._live(run), name=f"isolated {run.job_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self, run: IsolatedRun) -> None:
        mode = DeployMode(str(run.statement.spec.deploy_mode))
        try:
            async with self._room[mode]:
                if await self._has_begun(run):
                    self._listener.statement_ended(await self._run(self._runners[mode], run))
        finally:
            del self._runs[run.job_id]

    async def _has_begun(self, run: IsolatedRun) -> bool:
        if not run.resumed:
            begun = await self._listener.isolated_begins(run.job_id)
            if begun is None:
                return False
            run.statement = begun
        run.has_begun = True
        return True

    async def _run(self, runner: Runner, run: IsolatedRun) -> StatementEnded:
        try:
            return await runner.run(run)
        except asyncio.CancelledError:
            if not runner.ends_with_libra:
                raise
            return lost(run.job_id, "Libra was stopped while it ran, and its driver with it")
        except (LibraError, OSError) as error:
            why = f"Libra could not run the statement: {error}"
        except Exception:  # noqa: BLE001 - the statement must not stay RUNNING forever
            _log.exception("Could not run statement %s", run.job_id)
            why = "An internal error occurred while it ran; see Libra's log"
        if run.resumed:
            return lost(run.job_id, why)
        return StatementEnded(job_id=run.job_id, state=State.FAILED, error=why)
