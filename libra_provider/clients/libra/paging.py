"""The whole result of a statement, over any number of pages."""

from __future__ import annotations

from dataclasses import replace

from libra_provider.clients.http.dialogue import Dialogue
from libra_provider.clients.libra import results
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.results import ResultPage, ResultValue, Returned


def all_rows(contract: Contract, job_id: str) -> Dialogue[ResultPage | ResultValue]:
    """Return one page with all rows of *job_id*, or its value; raises JobLost for an unknown id."""
    found = yield from contract.send(results.result(job_id))
    return (yield from _whole(contract, job_id, found)) if isinstance(found, ResultPage) else found


def fetch_result(
    contract: Contract, job_id: str, *, first: Returned | None = None
) -> Dialogue[Returned]:
    """Return the same, or where the rows were written; *first* was received already."""
    found = first or (yield from contract.send(results.returned(job_id)))
    return (yield from _whole(contract, job_id, found)) if isinstance(found, ResultPage) else found


def _whole(contract: Contract, job_id: str, first: ResultPage) -> Dialogue[ResultPage]:
    rows = list(first.rows)
    while len(rows) < first.row_count:
        page = yield from contract.send(results.result(job_id, offset=len(rows)))
        if isinstance(page, ResultValue) or not page.rows:
            break
        rows.extend(page.rows)
    return replace(first, rows=rows, offset=0)
