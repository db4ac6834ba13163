"""The parameter fetch: in which form an operator returns the result of its job."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import Any

from libra_provider.clients.libra.legacy import whole_text
from libra_provider.clients.libra.results import (
    ResultPage,
    ResultValue,
    Returned,
    WrittenResult,
    installed,
)
from libra_provider.core.errors import BadInput, ResultNotWhole, one_of
from libra_provider.core.status import JobStatus
from libra_provider.core.units import readable_size
from libra_provider.hooks.libra import LibraHook

log = logging.getLogger(__name__)
_FETCHES = ("all", "one", "value", "pandas", "none")
_LARGE_XCOM = 2**20  # characters of JSON; they go through Airflow's API and into its database


def check_fetch(
    fetch: str | None, *, result_path: str | None, java_class: str | None = None
) -> None:
    """Raise BadInput if *fetch* does not fit what is run."""
    if fetch is not None and fetch not in _FETCHES:
        raise BadInput("fetch", fetch, one_of(_FETCHES))
    if result_path is not None and fetch not in (None, "all"):
        raise BadInput(
            "fetch", fetch, "with result_path no rows are returned; remove one of the two"
        )
    if java_class is not None and fetch not in ("all", "none"):
        raise BadInput("fetch", fetch, "a JAR returns nothing; have it write its rows itself")


def check_installed(fetch: str | None) -> None:
    """Raise NotInstalled if *fetch* needs a package that is not installed."""
    if fetch == "pandas":
        installed("pandas", extra="pandas")
        installed("pyarrow", extra="pandas")


def fetched(
    libra: LibraHook, status: JobStatus, fetch: str | None, *, result_path: str | None
) -> Any:
    """The result of the job of *status* in the form of *fetch*, or where its rows were written.

    With None it has the form in which the job returned it.
    """
    if fetch == "none":
        return None
    if status.text is not None:
        return _text(status, fetch)
    if result_path is not None and fetch is not None:
        return asdict(libra.written(status.job_id))
    if fetch == "pandas":
        return libra.pandas(status.job_id)
    return _as_asked(libra.returned(status.job_id), fetch)


def _as_asked(returned: Returned, fetch: str | None) -> Any:
    match returned:
        case WrittenResult() as found:
            return _reference(found, fetch)
        case ResultValue() as found:
            return _value(found, fetch)
        case found:
            return _rows(found, fetch)


def _text(status: JobStatus, fetch: str | None) -> str:
    if fetch not in (None, "all"):
        why = f"this old Libra returns one string, for fetch='all' only, not for fetch={fetch!r}"
        raise ResultNotWhole(status.job_id, why)
    return whole_text(status)


def _reference(found: WrittenResult, fetch: str | None) -> dict[str, Any]:
    if fetch not in (None, "all"):
        raise BadInput("fetch", fetch, f"the rows were written to {found.uri}; read them there")
    return asdict(found)


def _value(found: ResultValue, fetch: str | None) -> Any:
    if fetch == "one":
        raise BadInput("fetch", fetch, "the statement returned a value, not rows")
    return _weighed(found.value)


def _rows(page: ResultPage, fetch: str | None) -> Any:
    if fetch == "value":
        return page.only_value().rows[0][0]
    if fetch == "one":
        return next(iter(page.only_row().as_dicts()), None)
    rows = page.as_dicts()
    return _weighed(rows)


def _weighed(result: Any) -> Any:
    """*result*, after a warning if it is large for Airflow."""
    if (size := len(json.dumps(result))) > _LARGE_XCOM:
        log.warning(
            "Returned %s through XCom, which is stored in Airflow's database. Use result_path to "
            "write the result to storage, or fetch='none' and read it with LibraHook.",
            readable_size(size),
        )
    return result
