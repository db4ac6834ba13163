"""A statement that Libra runs, in its shared driver or in a dedicated one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from libra_provider.core.errors import RESULT_TOO_LARGE, NotOffered
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.paths import LISTS, at_libra, is_absolute, located, scheme
from libra_provider.core.properties import PROPERTY_OF
from libra_provider.core.status import JobStatus
from libra_provider.hooks.libra import LibraHook
from libra_provider.lifecycle.delivery import located_lists, python_code, shipped_file
from libra_provider.lifecycle.plan import JobPlan
from libra_provider.operators.fetch import check_installed, fetched


class StatementPlan(JobPlan):
    """
    A statement of any kind.

    :param server: the Libra that runs it.
    :param describe: returns the job with its paths as the task's parameters have them.
    :param beside: the folder to which relative paths refer.
    :param fetch: what the task returns, see LibraStatementOperator.
    :param ships_all: whether absolute paths are on this machine, and are uploaded; otherwise they
        are on Libra's host.
    :param advice: what to do about a result that is too large for the shared driver.
    """

    server: LibraHook

    def __init__(
        self,
        server: LibraHook,
        describe: Callable[[], SparkJob],
        *,
        beside: Path,
        fetch: str,
        ships_all: bool = False,
        advice: str = "",
    ) -> None:
        self.server = server
        self._describe = describe
        self._beside = beside
        self._fetch = fetch
        self._ships_all = ships_all
        self._advice = advice

    @cached_property
    def _described(self) -> SparkJob:
        return self._describe()

    def job(self) -> SparkJob:
        """The statement, checked and completed by its connection; local paths are absolute."""
        check_installed(self._fetch)
        job, place = self._described, located if self._ships_all else at_libra
        if job.application is not None:
            path = place(job.application, self._beside, parameter="application")
            job = job.trusted(application=path)
        if job.kind is Kind.PYTHON:
            job = job.trusted(code=python_code(str(job.code), self._beside))
        return self.server.complete(self._with_files_in_conf(job))

    def prepare(self, job: SparkJob, tag: str) -> SparkJob:  # noqa: ARG002 - it is not announced
        """Upload the local files of *job*; return it with the names that Libra gave them."""
        if self._ships_all:
            return self._all_shipped(job)
        given = self._described.application
        if given is None or is_absolute(given):
            return job
        try:
            return job.trusted(application=self._shipped(str(job.application), "application"))
        except NotOffered:
            # A Libra with the old API may have the file under the same path.
            return job

    def result(self, status: JobStatus, tag: str | None) -> Any:  # noqa: ARG002 - the id is enough
        """What ``fetch`` requests, or where the rows were written."""
        if self._described.java_class is not None and status.text is None:
            return None
        return fetched(self.server, status, self._fetch, result_path=self._described.result_path)

    def explain(self, status: JobStatus, tag: str | None) -> JobStatus:  # noqa: ARG002 - as above
        """*status*, with advice if the result was too large."""
        if not (self._advice and _is_too_large(status)):
            return status
        return replace(status, detail=f"{status.detail.rstrip('.')}; {self._advice}.")

    def _with_files_in_conf(self, job: SparkJob) -> SparkJob:
        """*job* as Libra accepts it, with lists of files and packages as Spark properties."""
        found = located_lists(job, self._beside) | {"packages": list(job.packages)}
        conf = {PROPERTY_OF[each]: ",".join(items) for each, items in found.items() if items}
        return job.trusted(conf={**job.conf, **conf}, **dict.fromkeys(found, ()))

    def _all_shipped(self, job: SparkJob) -> SparkJob:
        conf = dict(job.conf)
        for name in LISTS:
            if (key := PROPERTY_OF[name]) in conf:
                conf[key] = ",".join(self._shipped(each, name) for each in conf[key].split(","))
        application = job.application and self._shipped(job.application, "application")
        return job.trusted(application=application, conf=conf)

    def _shipped(self, path: str, parameter: str) -> str:
        """*path* if it is a URL; otherwise upload the file and return its name at Libra."""
        return path if scheme(path) else shipped_file(self.server, path, parameter=parameter)


def _is_too_large(status: JobStatus) -> bool:
    """Whether a statement failed because its result was too large for the shared driver."""
    if status.error_class == RESULT_TOO_LARGE:
        # The limit on rows is the same in every driver.
        return "resultLimit=" not in status.detail
    return "out of memory" in status.detail
