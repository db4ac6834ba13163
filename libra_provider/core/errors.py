"""What can go wrong, and what it means for the code that catches it.

Each class has its meaning as attributes, named in brackets here and explained below::

    LibraError
    ├── BadInput              [final] a value is invalid; nothing was sent
    ├── NotInstalled          [final] a package that the call needs is missing
    ├── ServerError           [arrived?] a request got no valid response
    │   ├── ServerUnreachable [retry, elsewhere] no response, or the connection broke
    │   ├── ServerBusy        [retry, elsewhere] 429 or 503: try again later
    │   ├── AccessDenied      [final, refusal] 401 or 403
    │   ├── Rejected          [final, refusal] the server understood the request and rejected it
    │   ├── NotOffered        [final, refusal] the server is too old for the request
    │   └── ProtocolError     [arrived?, refusal, elsewhere] the response is unexpected
    └── JobError              a job was submitted, and did not succeed
        ├── JobFailed
        │   └── JobWrong      [final] and would fail again: the job itself must be changed
        ├── ResultNotWhole    [final] it succeeded, but its result is incomplete
        ├── JobKilled
        ├── JobLost           the server has no record of it; it may still run
        │   └── JobLostForGood       [final] a new one could run beside it
        ├── JobGivenUp        its polling stopped before it ended
        ├── KillNotVerified   its kill was requested, but not confirmed
        └── UndecidedSubmission      whether it was submitted is unknown
            └── UnknowableSubmission [final] and will stay unknown

========= ========================= ================================================================
final     ``is_final``              A retry of the task would fail with the same error.
retry     ``retryable``             The same request may succeed later.
arrived?  ``may_have_arrived``      The request may have taken effect. For ServerUnreachable it
                                    depends on the instance.
refusal   ``is_refusal``            Something responded, and will respond the same way for a while.
elsewhere ``another_may_answer``    Another server in its place may respond.
========= ========================= ================================================================

Each class keeps its facts as attributes and is safe to pickle between Airflow's processes:
``args`` are the constructor's arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

RESULT_TOO_LARGE = "LIBRA_RESULT_TOO_LARGE"
"""The error class of a statement whose result has more rows or bytes than may be returned."""


class LibraError(Exception):
    """The base of every error raised on purpose by this package."""

    is_final: ClassVar[bool] = False


class BadInput(LibraError, ValueError):
    """A parameter has an invalid value, or none; *expected* is what would be valid."""

    is_final = True

    def __init__(self, parameter: str, value: object, expected: str) -> None:
        super().__init__(parameter, value, expected)
        self.parameter = parameter
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        if self.value is None:
            return f"Missing {self.parameter}: {self.expected}."
        return f"Invalid {self.parameter}={self.value!r}: {self.expected}."


def one_of(words: Iterable[str]) -> str:
    """What :class:`BadInput` expects if only *words* are valid: "expected a, b or c"."""
    *others, last = words
    return f"expected {', '.join(others)} or {last}" if others else f"expected {last}"


class NotInstalled(LibraError, ImportError):
    """A call needs *package*, which is not installed; ``extra`` of this provider installs it."""

    is_final = True

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(package, extra)
        self.package = package
        self.extra = extra

    def __str__(self) -> str:
        install = f"pip install 'airflow-provider-libra[{self.extra}]'"
        return f"{self.package} is not installed. Run: {install}"


class ServerError(LibraError):
    """A request got no valid response; *server* is the address, without secrets.

    ``retry_after``: the minimum number of seconds before the next request.
    """

    retryable: ClassVar[bool] = False
    is_refusal: ClassVar[bool] = False
    another_may_answer: ClassVar[bool] = False
    may_have_arrived: bool = True
    retry_after: float = 0.0

    def __init__(self, server: str, problem: str) -> None:
        super().__init__(server, problem)
        self.server = server
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.server}: {self.problem}"


class ServerUnreachable(ServerError):
    """The server did not respond.

    ``may_have_arrived`` is False only if the server certainly did not receive the request.
    """

    retryable = True
    another_may_answer = True

    def __init__(self, server: str, problem: str, may_have_arrived: bool = False) -> None:
        super().__init__(server, problem)
        self.args = (server, problem, may_have_arrived)
        self.may_have_arrived = may_have_arrived

    def __str__(self) -> str:
        return f"No response from {self.server}: {self.problem}"


class ServerBusy(ServerError):
    """The server accepts no requests now; ``retry_after`` is in seconds."""

    retryable = True
    another_may_answer = True
    may_have_arrived = False

    def __init__(self, server: str, problem: str, retry_after: float = 1.0) -> None:
        super().__init__(server, problem)
        self.args = (server, problem, retry_after)
        self.retry_after = retry_after


class AccessDenied(ServerError):
    """401 or 403: the credentials of the connection are missing or wrong."""

    is_final = True
    is_refusal = True
    may_have_arrived = False

    def __init__(self, server: str, status: int, problem: str) -> None:
        super().__init__(server, problem)
        self.args = (server, status, problem)
        self.status = status

    def __str__(self) -> str:
        return f"{self.server} denied access (HTTP {self.status}): {self.problem}"


class Rejected(ServerError):
    """The server understood the request and rejected it; ``problem`` is why."""

    is_final = True
    is_refusal = True
    may_have_arrived = False

    def __init__(self, server: str, status: int, problem: str) -> None:
        super().__init__(server, problem)
        self.args = (server, status, problem)
        self.status = status

    def __str__(self) -> str:
        return f"{self.server} rejected the request (HTTP {self.status}): {self.problem}"


class NotOffered(ServerError):
    """The server supports only the old API, which lacks this request."""

    is_final = True
    is_refusal = True
    may_have_arrived = False

    def __str__(self) -> str:
        return f"{self.server} supports only Libra's old API: {self.problem}"


class ProtocolError(ServerError):
    """The response does not follow the protocol; ``start`` is the start of its text.

    It may come from a proxy, which may have forwarded the request.
    """

    is_refusal = True
    another_may_answer = True

    def __init__(self, server: str, status: int, problem: str, start: str = "") -> None:
        super().__init__(server, problem)
        self.args = (server, status, problem, start)
        self.status = status
        self.start = start

    def __str__(self) -> str:
        start = f"; the response (HTTP {self.status}) starts: {self.start}" if self.start else ""
        return f"Unexpected response from {self.server}: {self.problem}{start}"


class JobError(LibraError):
    """An accepted job did not succeed; ``detail`` is what is known about ``job_id``."""

    outcome = "did not succeed"
    unexplained = "the reason is unknown"

    def __init__(self, job_id: str, detail: str = "") -> None:
        super().__init__(job_id, detail)
        self.job_id = job_id
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.job_id} {self.outcome}: {self.detail or self.unexplained}"


class JobFailed(JobError):
    """The job ended by itself, but did not succeed."""

    outcome = "failed"
    unexplained = "the server gave no reason; see the driver's log"


class JobWrong(JobFailed):
    """The job failed and would fail again: it must be changed first."""

    is_final = True


class ResultNotWhole(JobError):
    """The job succeeded, but the server returned only a part of its result."""

    is_final = True

    outcome = "succeeded, but its result is incomplete"


class JobKilled(JobError):
    """The job was stopped from outside."""

    outcome = "was killed"
    unexplained = "not by this task; it is unknown who did it"


class JobLost(JobError):
    """The server responded, but no longer has a record of the job."""

    outcome = "is lost"
    unexplained = "the server no longer has a record of it; its process may still run"


class JobLostForGood(JobLost):
    """The job is lost and may still run: a new one could run beside it."""

    is_final = True
    unexplained = "its process may still run, so it was not resubmitted"


class JobGivenUp(JobError):
    """The polling of the job stopped before the job ended; ``detail`` is why."""

    def __str__(self) -> str:
        return f"Stopped waiting for {self.job_id}: {self.detail or self.unexplained}"


class KillNotVerified(JobError):
    """The kill of the job was requested, but its end was not confirmed in time."""

    outcome = "may still be running"
    unexplained = (
        "its kill was requested, but it did not end in time; check its state on the server"
    )


class UndecidedSubmission(JobError):
    """It is unknown for now whether a submission has created a job."""

    outcome = "may or may not have been submitted"


class UnknowableSubmission(UndecidedSubmission):
    """It will stay unknown: the server cannot look up jobs by their tag."""

    is_final = True
