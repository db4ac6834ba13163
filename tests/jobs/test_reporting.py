from __future__ import annotations

import time
from typing import Any

from libra_provider.jobs.job_spec import JobSpec
from libra_provider.jobs.reporting import Reporter
from libra_provider.jobs.timing import ReportTiming
from tests.fakes.signed import SIGNATURE, SignedEndpoints

TAG = "5" * 32


def application() -> dict[str, Any]:
    return {"applicationId": "app-1", "sparkUi": None}


def test_a_long_job_repeats_that_it_runs() -> None:
    """Libra counts a driver as lost that has sent nothing for days."""
    with SignedEndpoints() as libra:
        spec = JobSpec(TAG, report_url=f"{libra.url}/reports/{SIGNATURE}/{TAG}")
        reporter = Reporter(spec, ReportTiming(heartbeat=0.01), application=application)
        reporter.start()
        deadline = time.monotonic() + 300
        while len(libra.events("started")) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        reporter.end({"state": "SUCCESS"})
    reports = libra.events("started")

    assert len(reports) > 3
    assert all(each == reports[0] for each in reports)
    assert (reports[0]["version"], reports[0]["applicationId"]) == (1, "app-1")
    assert libra.reports[-1]["event"] == "ended"
