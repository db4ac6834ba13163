"""Libra and the Spark master as :class:`~libra_provider.cli.follow.JobServer`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from libra_provider.cli.console import print_message
from libra_provider.cli.interrupts import is_interrupt_pending
from libra_provider.clients.doctor.checks import CheckReport
from libra_provider.clients.doctor.libra import check_libra
from libra_provider.clients.doctor.master import check_master
from libra_provider.clients.http.call import Call
from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken, jws
from libra_provider.clients.http.tls import certificates, verification
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra import external_jobs, paging, results, run, shipment, statements
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.results import Returned, WrittenResult
from libra_provider.clients.libra.shipment import Shipment
from libra_provider.clients.libra.view import StatementView
from libra_provider.clients.observation import JobView, Observation
from libra_provider.clients.standalone import rest
from libra_provider.clients.standalone.preflight import greet_master
from libra_provider.clients.standalone.submission import DriverSubmission
from libra_provider.clients.standalone.view import DriverView
from libra_provider.clients.steps import run as run_steps
from libra_provider.clients.submit_once import SubmitTiming
from libra_provider.core.errors import ServerError
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.polling import PollingPolicy, utc_now
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus

T = TypeVar("T")
# A user at the command line repeats a command sooner than they wait for a server.
_TIMING = SubmitTiming(patience=0.0)


class LibraJobs:
    """The statements of the Libra at *url*."""

    patience = PollingPolicy(poll_interval=0.2)
    _WAIT = 2.0  # seconds of a long poll; a start is reported with at most this delay
    # Seconds. Interrupts are blocked meanwhile because the statement's id is not known yet.
    _FIRST_WAIT = 1.0

    def __init__(self, url: str, *, token: str | None = None, verify: str = "true") -> None:
        address = ServerAddress(
            url=url, authorization=BearerToken(token), verify=verification(verify)
        )
        self._client, self._contract = Client([address]), Contract()
        self.close = self._client.close
        self._early_results: dict[str, Returned | None] = {}

    def answers_at_once(self) -> bool:
        """Whether this Libra supports asynchronous submission; old servers do not."""
        return not self._client.run(self._contract.fetch_health()).is_old

    def submit(self, job: SparkJob, tag: str) -> JobStatus:
        """Submit *job* once under *tag*; an old Libra responds only when the job ends.

        SQL prints nothing meanwhile, so its submission already waits up to a second for the result.
        """
        if job.kind is not Kind.SQL:
            return self._client.run(self._contract.submit(job, tag))
        wait = self._FIRST_WAIT
        found = self._client.run(run.submit(self._contract, job, tag, wait=wait))
        self._early_results[found.status.job_id] = found.returned
        return found.status

    def status(self, job_id: str) -> JobStatus:
        """The status of statement *job_id*."""
        return self._ask(statements.status(job_id))

    def view(self, job_id: str, *, with_log: bool = False) -> JobView:
        """A view of statement *job_id*."""
        wait = 0 if with_log else self._WAIT  # a long poll would delay its output
        return StatementView(job_id, self._contract, wait=wait, with_log=with_log)

    def look(self, view: JobView) -> Observation:
        """Fetch a statement's status; waits until it ends, at most two seconds."""
        return self._client.run(view.look())

    def kill(self, job_id: str) -> str:
        """Kill statement *job_id*; returns the state it was in."""
        return self._ask(statements.kill(job_id)).state

    def returned(self, job_id: str) -> Returned:
        """All rows of *job_id*, its value, or where it wrote its rows."""
        first = self._early_results.get(job_id)
        return self._client.run(paging.fetch_result(self._contract, job_id, first=first))

    def ship(self, job: SparkJob, tag: str) -> SparkJob:
        """Upload the files of *job* to Libra; returns the job to submit to a master."""
        ca = certificates(self._client.addresses[0].verify)
        return self._client.run(shipment.ship(self._contract, Shipment(job), tag, ca=ca))

    def settle(self, tag: str, *, well: bool) -> None:
        """Report the end of the driver of shipped job *tag*; a receipt from the driver wins."""
        # A lost report does no harm: Libra gives up on the job after a while.
        with contextlib.suppress(ServerError):
            self._ask(external_jobs.succeeded(tag) if well else statements.kill(tag))

    def arrow_into(self, job_id: str, sink: Callable[[bytes], object]) -> None:
        """Download all rows of statement *job_id* as an Arrow stream, in chunks, into *sink*."""
        self._ask(results.arrow_into(job_id, sink))

    def written(self, job_id: str) -> WrittenResult:
        """Where statement *job_id* wrote its rows."""
        return self._ask(results.written(job_id))

    def examine(self) -> CheckReport:
        """Check the connection to this Libra step by step."""
        return check_libra(self._client.addresses[0])

    def _ask(self, call: Call[T]) -> T:
        return self._client.run(self._contract.send(call))


class MasterJobs:
    """The drivers of the standalone cluster with the masters *master*.

    With *libra*, local files are uploaded to it; ``shipped_as`` is then the tag of the last job.
    """

    patience = PollingPolicy(poll_interval=1.0)

    def __init__(
        self,
        master: str,
        *,
        rest_urls: Sequence[str],
        ui_urls: Sequence[str],
        secret: str | None = None,
        verify: str = "true",
        libra: LibraJobs | None = None,
        timing: SubmitTiming = _TIMING,
    ) -> None:
        signed = jws(secret, parameter="--secret")
        self._client = Client(
            [
                ServerAddress(url=url, authorization=signed, verify=verification(verify))
                for url in rest_urls
            ]
        )
        self._master = master
        # A wrong URL is reported before a job is submitted, not when its log is read.
        self._ui_urls = tuple(ServerAddress(url=url).url for url in ui_urls)
        self._libra, self._timing = libra, timing
        self.shipped_as: str | None = None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        if self._libra:
            self._libra.close()

    def answers_at_once(self) -> bool:
        """Always true: a master responds as soon as it accepts a driver."""
        return True

    def submit(self, job: SparkJob, tag: str) -> JobStatus:
        """Create one driver for *job*; when the answer is lost, find it by its tag.

        Raises ServerError when there is none, JobKilled when it was interrupted before, and
        UndecidedSubmission when it is unknown.
        """
        # A POST to a wrong port may never get a response; a GET detects that without side effects.
        greet_master(self._client)
        if self._libra and shipment.local_files(job):
            job, self.shipped_as = self._libra.ship(job, tag), tag
        submission = DriverSubmission(
            job=job, tag=tag, since=utc_now(), master=self._master, ui_urls=self._ui_urls
        )
        name = f"The job with tag {tag}"
        once = submission.once(
            name, self._timing, must_end=is_interrupt_pending, log_message=_print_message
        )
        steps = once.submit()
        return run_steps(steps, lambda step: self._client.run(submission.answer(step))).status

    def status(self, job_id: str) -> JobStatus:
        """The status of driver *job_id* as reported by the master."""
        return self._client.send(rest.status(job_id))

    def view(self, job_id: str, *, with_log: bool = False) -> JobView:
        """A view of driver *job_id*."""
        return DriverView(job_id, self._ui_urls, with_log=with_log)

    def look(self, view: JobView) -> Observation:
        """Fetch a driver's status; returns at once."""
        return self._client.run(view.look())

    def kill(self, job_id: str) -> str:
        """Ask the master to kill driver *job_id*; returns the master's message."""
        message = self._client.send(rest.kill(job_id))
        self._settle(well=False)
        return message

    def settle(self, status: JobStatus) -> None:
        """Report the end of a shipped job's driver to Libra."""
        if status.state in (JobState.SUCCEEDED, JobState.FAILED, JobState.KILLED):
            self._settle(well=status.state is JobState.SUCCEEDED)

    def _settle(self, *, well: bool) -> None:
        if self._libra and self.shipped_as:
            self._libra.settle(self.shipped_as, well=well)

    def examine(self) -> CheckReport:
        """Check the connection to these masters step by step."""
        return check_master(self._client.addresses, master_url=self._master, ui_urls=self._ui_urls)


def _print_message(level: int, text: str, *facts: object) -> None:
    print_message(text % facts, style="yellow" if level >= logging.WARNING else "")
