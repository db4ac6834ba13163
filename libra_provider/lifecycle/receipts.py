"""Receipts: what a driver reported about its end, to Libra or in its output."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from libra_provider.clients.libra.results import WrittenResult, written_from
from libra_provider.core.errors import (
    JobFailed,
    JobWrong,
    LibraError,
    ServerError,
    ServerUnreachable,
)
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.libra import LibraHook
from libra_provider.lifecycle.retrying import patiently

log = logging.getLogger(__name__)
# A driver sends its receipt before it ends, so one that is missing is either late or lost.
_LATE = 5.0  # seconds
_MARK = "[stdout] libra-receipt: "
NOTHING = (
    "its driver ended without the result that fetch requests; let the program call "
    "libra_provider.jobs.result"
)
# The message of a worker that could not download the first file of a driver.
_NOT_FETCHED = re.compile(r"Exception from the cluster: (java\.net|javax\.net|java\.io)\.")
_REACH = (
    "the worker could not download the job's first file from Libra: make sure that workers can "
    "reach Libra's public_url, and that their JVMs trust its certificate"
)
T = TypeVar("T")


def explain(libra: LibraHook, tag: str, status: JobStatus, *, patience: float) -> JobStatus:
    """*status*, which is not SUCCEEDED, with details from the receipt of job *tag*.

    If the master has forgotten the driver, or lost it with its worker, the receipt decides how it
    ended.
    """
    try:
        found = patiently(partial(libra.status, tag), within=patience)
    except LibraError as error:
        log.warning("Could not read the receipt of %s: %s", status.job_id, error)
        return status
    uncertain = status.state is JobState.LOST or status.worker_lost
    if found.state is JobState.SUCCEEDED and uncertain:
        return _as_receipt(status, found)
    if found.state is JobState.FAILED and (uncertain or status.state is JobState.FAILED):
        return _as_receipt(status, found)
    if found.state is JobState.WAITING and _NOT_FETCHED.match(status.detail):
        return replace(status, detail=f"{status.detail}; {_REACH}")
    return status


def _as_receipt(status: JobStatus, receipt: JobStatus) -> JobStatus:
    return replace(
        receipt,
        job_id=status.job_id,
        detail=receipt.detail or status.detail,
        location=status.location or receipt.location,
    )


def uploaded_result(
    libra: LibraHook,
    tag: str,
    status: JobStatus,
    *,
    read: Callable[[JobStatus], T],
    written: Callable[[], WrittenResult | None],
) -> T:
    """The result that job *tag*, whose driver of *status* succeeded, uploaded to Libra.

    *read* downloads it; its argument is the status at Libra. *written* returns where the rows are
    according to the driver's output, for a driver that sent no receipt. Raises JobFailed if a
    promised result is missing, and ServerError if Libra cannot be reached.
    """
    try:
        found = libra.status(tag, wait=_LATE)
        if not found.state.is_terminal:
            found = libra.succeeded(tag, written())
        if found.state is JobState.SUCCEEDED:
            return read(found)
    except ServerError as error:
        if not error.retryable:
            raise
        problem = (
            f"{error.problem}; {status.job_id} succeeded, and Libra keeps its result for the "
            f"next try and for: libra result {tag}"
        )
        raise ServerUnreachable(error.server, problem) from error
    raise (JobWrong if found.would_fail_again else JobFailed)(status.job_id, found.detail)


def report_end(libra: LibraHook, tag: str, *, well: bool = False) -> None:
    """Report to Libra that the driver of job *tag* is gone; a receipt takes precedence.

    Errors are only logged: Libra detects the end by itself, later.
    """
    try:
        libra.succeeded(tag) if well else libra.kill(tag)
    except LibraError as error:
        log.info(
            "Could not report to Libra that driver %s is gone (%s); the job will become LOST there",
            tag,
            error,
        )


def written_by(server: ServerHook, status: JobStatus) -> WrittenResult | None:
    """Where the rows were written, from the receipt at the end of the driver's output, or None."""
    try:
        lines = server.output(status.job_id)
    except ServerError as error:
        log.warning("Could not read the output of %s: %s", status.job_id, error)
        return None
    receipts = [each.removeprefix(_MARK) for each in lines if each.startswith(_MARK)]
    try:
        receipt: Any = json.loads(receipts[-1]) if receipts else {}
        return written_from(receipt["written"]) if receipt.get("written") else None
    except (ValueError, TypeError, KeyError) as error:
        log.warning("Invalid receipt in the output of %s: %r", status.job_id, error)
        return None
