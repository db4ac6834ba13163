"""Every row of a statement, however many pages they take."""

from __future__ import annotations

from dataclasses import replace

from libra_provider.clients import libra_result
from libra_provider.clients.contract import Contract
from libra_provider.clients.dialogue import Dialogue
from libra_provider.clients.libra_result import ResultPage


def all_rows(contract: Contract, job_id: str) -> Dialogue[ResultPage]:
    """One page that holds the whole result of *job_id*; raises JobLost for an unknown id."""
    page: ResultPage = yield from contract.asked(libra_result.result(job_id))
    rows = list(page.rows)
    while page.rows and len(rows) < page.row_count:
        page = yield from contract.asked(libra_result.result(job_id, offset=len(rows)))
        rows.extend(page.rows)
    return replace(page, rows=rows, offset=0)
