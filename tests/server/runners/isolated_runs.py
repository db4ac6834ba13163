"""Statements for runners, and what a runner notes of them."""

from __future__ import annotations

from typing import Any

from libra_provider.core.job import new_tag
from libra_provider.core.polling import utc_now
from libra_provider.server.model.receipt import Receipt
from libra_provider.server.model.statement import State, Statement, StatementSpec
from libra_provider.server.runners.base import IsolatedRun
from libra_provider.server.runners.job import completed
from libra_provider.server.settings import Settings


class Noting(IsolatedRun):
    """A run that remembers its notes."""

    def __init__(self, statement: Statement, *, resumed: bool = False) -> None:
        self.notes: list[dict[str, Any]] = []
        self.reported: Receipt | None = None
        super().__init__(
            statement=statement, note=self._keep, receipt=self._reported, resumed=resumed
        )

    def _keep(self, **what: Any) -> None:
        self.notes.append(what)

    async def _reported(self) -> Receipt | None:
        return self.reported


def make_run(
    settings: Settings,
    kind: str = "jar",
    *,
    code: str = "",
    resumed: bool = False,
    driver_id: str | None = None,
    as_text: bool = False,
    parameters: dict[str, Any] | None = None,
    result_path: str | None = None,
    **given: Any,
) -> Noting:
    """A statement of *kind* that has just begun, or *resumed*."""
    spark_config = given.pop("spark_config", None) or {}
    spec = StatementSpec(
        session="default",
        kind=kind,
        code=code,
        pool="default",
        parameters=parameters,
        result_path=result_path,
        as_text=as_text,
        **given,
    )
    spec = completed(spec, settings, given=spark_config)
    now = utc_now()
    statement = Statement(
        job_id=new_tag(),
        spec=spec,
        state=State.RUNNING,
        submitted_at=now,
        started_at=now,
        driver_id=driver_id,
    )
    return Noting(statement, resumed=resumed)
