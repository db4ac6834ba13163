"""A Spark standalone cluster as its users see it: REST port and web pages taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from libra_provider.clients import spark_master, spark_ui
from libra_provider.clients.client import Ask, Dialogue
from libra_provider.core.errors import ServerError
from libra_provider.core.job import JobStatus
from libra_provider.core.masking import masked_text
from libra_provider.core.states import JobState


def explained_status(driver_id: str, ui_urls: Sequence[str]) -> Dialogue[JobStatus]:
    """Where *driver_id* stands; a failed one with the first exception of its log.

    Pages that cannot be reached cost the explanation, never the answer.
    """
    status: JobStatus = yield Ask(spark_master.status(driver_id))
    if status.state is not JobState.FAILED:
        return status
    try:
        ui = yield from worker_ui(status, ui_urls)
        why = yield from _first_exception(driver_id, ui)
    except ServerError as error:
        why = f"its log could not be read ({error})"
    detail = "; ".join(part for part in (status.detail, masked_text(why)) if part)
    return replace(status, detail=detail)


def _first_exception(driver_id: str, worker_ui: str) -> Dialogue[str]:
    # A Python driver's traceback is in stdout: Spark joins the two streams of its Python process.
    for stream in ("stdout", "stderr"):
        log = yield Ask(spark_ui.driver_log(driver_id, stream), worker_ui)
        if found := spark_ui.first_exception(log.text):
            return found
    return ""


def worker_ui(status: JobStatus, ui_urls: Sequence[str]) -> Dialogue[str]:
    """The address of the web page of the worker on which the driver runs."""
    worker_id = status.location.worker_id if status.location else None
    for found in (yield from _workers(ui_urls)):
        if found.worker_id == worker_id:
            return found.ui_url
    raise ServerError(", ".join(ui_urls), f"the master lists no worker {worker_id}")


def _workers(ui_urls: Sequence[str]) -> Dialogue[Sequence[spark_ui.Worker]]:
    """The workers, told by the first page that lists any; a standby master lists none."""
    problem = ServerError("spark master", "no ui_urls are known; set them in the connection")
    for url in ui_urls:
        try:
            found: Sequence[spark_ui.Worker] = yield Ask(spark_ui.workers(), url)
        except ServerError as error:
            problem = error
        else:
            if found:
                return found
    raise problem
