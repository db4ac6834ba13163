"""What became of a worker that its master has lost sight of, and of the drivers on it.

A worker that is told by its master that it was lost registers again, and ends the drivers that the
master has given up; a driver whose worker process is gone ends by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from libra_provider.clients import cluster_pages, spark_ui
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.core.errors import ServerError


def why_it_may_run(worker_id: str, ui_urls: Sequence[str]) -> Dialogue[str]:
    """Why a driver may still run on *worker_id*, which was lost; empty once it does not.

    Raises ServerError when the page of no leading master can be read.
    """
    cluster = yield from cluster_pages.leading(ui_urls)
    worker = next((each for each in cluster.workers if each.worker_id == worker_id), None)
    if worker is None or worker.state == "ALIVE":
        return ""
    try:
        there: str = yield Ask(spark_ui.worker_page(), worker.ui_url)
    except ServerError:
        return ""
    if there != worker_id:
        # A worker that was started again has another id, and often the same address.
        return ""
    return f"the master calls {worker_id} {worker.state}, and its page still answers"
