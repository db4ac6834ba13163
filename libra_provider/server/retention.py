"""Lets go of what is too old or too much: ended statements with their results, logs, artifacts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from libra_provider.clients.observation import STREAMS
from libra_provider.core.polling import utc_now
from libra_provider.server.artifacts.store import ArtifactStore
from libra_provider.server.errors import LedgerUnavailable
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.model.statement import State
from libra_provider.server.settings import Settings
from libra_provider.server.statement_logs import StatementLogs
from libra_provider.server.statements.service import StatementService
from libra_provider.server.timing import DEFAULT

_log = logging.getLogger(__name__)
_AT_ONCE = 500
_HALF = ".part"
_DRIVER_LOGS = 100


class Retention:
    """Keeps *settings* true of the ledger and of the folders beside it, *every* so many seconds."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        service: StatementService,
        artifacts: ArtifactStore,
        *,
        every: float = DEFAULT.sweep_every,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._statements = service
        self._artifacts = artifacts
        self._every = every

    async def run(self) -> None:
        """Sweep now and then, until cancelled; what fails now is tried at the next time."""
        await self._try(self.strangers)
        while True:
            await self._try(self._statements.announced.lose_silent)
            await self._try(self.statements)
            await self._try(self.logs)
            await self._try(self._artifacts.sweep)
            await asyncio.sleep(self._every)

    async def _try(self, sweep: Callable[[], Awaitable[None]]) -> None:
        try:
            await sweep()
        except (LedgerUnavailable, OSError) as error:
            _log.warning("Could not remove old statements and files yet: %s", error)

    async def statements(self) -> None:
        """Forget what ended too long ago, and what is too much; then remove their results."""
        before = utc_now() - timedelta(seconds=self._settings.retention_seconds)
        beyond = self._settings.retention_count
        while old := await self._statements.ask(
            self._ledger.find_ended, before=before, beyond=beyond, limit=_AT_ONCE
        ):
            # The row first: a statement whose rows are gone would be worse than orphaned rows.
            await self._statements.remove(old)
            await asyncio.to_thread(self._remove_results, old)

    async def strangers(self) -> None:
        """Remove results of statements that the ledger does not know, and halves of ended ones."""
        files = await asyncio.to_thread(list, self._settings.results_dir.iterdir())
        for start in range(0, len(files), _AT_ONCE):
            some = files[start : start + _AT_ONCE]
            states = await self._statements.ask(
                self._ledger.get_states, {_job_id(file) for file in some}
            )
            await asyncio.to_thread(_remove, [file for file in some if _is_nobodys(file, states)])

    async def logs(self) -> None:
        """Remove the logs of drivers that ended as long ago, or too many drivers ago."""
        await asyncio.to_thread(self._remove_logs)

    def _remove_results(self, job_ids: Iterable[str]) -> None:
        folder = self._settings.results_dir
        _remove(folder / f"{job_id}{suffix}" for job_id in job_ids for suffix in (".arrow", _HALF))
        logs = self._settings.statement_logs_dir
        _remove(StatementLogs(logs, job_id).path(each) for job_id in job_ids for each in STREAMS)

    def _remove_logs(self) -> None:
        logs = sorted((self._settings.data_dir / "logs").glob("driver-*.log"), key=_age)
        old = [log for log in logs if _age(log) > self._settings.retention_seconds]
        # Not the first one: it is the present driver's, however quiet that is.
        _remove({*old, *logs[_DRIVER_LOGS:]} - {*logs[:1]})


def _job_id(file: Path) -> str:
    return file.name.partition(".")[0]


def _is_nobodys(file: Path, states: Mapping[str, State]) -> bool:
    state = states.get(_job_id(file))
    return state is None or (file.suffix == _HALF and state.is_terminal)


def _age(file: Path) -> float:
    return time.time() - file.stat().st_mtime


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
