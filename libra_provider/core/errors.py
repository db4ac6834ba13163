"""What can go wrong, and what it means for the code that catches it.

Each class has its meaning as attributes, named in brackets here and explained below::

    LibraError
    ├── BadInput              [final] it was wrong before anything was sent
    ├── NotInstalled          [final] a package that the call needs is missing
    ├── ServerError           [arrived?] a request got no valid answer
    │   ├── ServerUnreachable [retry, elsewhere] no answer, or the connection broke
    │   ├── ServerBusy        [retry, elsewhere] 429 or 503: try again later
    │   ├── AccessDenied      [final, refusal] 401 or 403
    │   ├── Rejected          [final, refusal] the server understood the request and refuses it
    │   ├── NotOffered        [final, refusal] the server is too old for the request
    │   └── ProtocolError     [arrived?, refusal, elsewhere] the answer is not in the protocol
    └── JobError              a job was submitted, and did not end well
        ├── JobFailed
        │   └── JobWrong      [final] it was wrong as it was written
        ├── ResultNotWhole    [final] it ended well, and its result did not come whole
        ├── JobKilled
        ├── JobLost           the server no longer knows it; it may still run
        │   └── JobLostForGood       [final] a new one could be a second one
        ├── JobGivenUp        the watch over it ended before it did
        ├── KillNotVerified   its kill was requested, and it was still alive when last seen
        └── UndecidedSubmission      whether its submission made a job is unknown
            └── UnknowableSubmission [final] and it stays unknown

========= ========================= ================================================================
final     ``is_final``              A new try of the task would meet the same error.
retry     ``retryable``             The same request may be answered later.
arrived?  ``may_have_arrived``      The request may have had its effect. Of ServerUnreachable each
                                    instance knows it.
refusal   ``is_refusal``            Something answered, and will answer the same way for a while.
elsewhere ``another_may_answer``    A server that stands in for this one may answer.
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
    """A parameter has a value that cannot work; names the parameter, the value and what would."""

    is_final = True

    def __init__(self, parameter: str, value: object, expected: str) -> None:
        super().__init__(parameter, value, expected)
        self.parameter = parameter
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        return f"Invalid {self.parameter}={self.value!r}: {self.expected}."


def one_of(words: Iterable[str]) -> str:
    """What :class:`BadInput` expects where only *words* can work: "expected a, b or c"."""
    *others, last = words
    return f"expected {', '.join(others)} or {last}" if others else f"expected {last}"


class NotInstalled(LibraError, ImportError):
    """A call needs *package*, which is not installed; ``extra`` of this provider brings it."""

    is_final = True

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(package, extra)
        self.package = package
        self.extra = extra

    def __str__(self) -> str:
        install = f"pip install 'airflow-provider-libra[{self.extra}]'"
        return f"{self.package} is not installed. Run: {install}"


class ServerError(LibraError):
    """A request got no valid answer; *server* is the address, without secrets.

    ``retry_after``: seconds to wait at least before the next request.
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
    """The server did not answer.

    ``may_have_arrived`` is False only when it is certain that the server never saw the request.
    """

    retryable = True
    another_may_answer = True

    def __init__(self, server: str, problem: str, may_have_arrived: bool = False) -> None:
        super().__init__(server, problem)
        self.args = (server, problem, may_have_arrived)
        self.may_have_arrived = may_have_arrived

    def __str__(self) -> str:
        return f"No answer from {self.server}: {self.problem}"


class ServerBusy(ServerError):
    """The server takes no requests now; ``retry_after`` is in seconds."""

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
        return f"{self.server} refuses access (HTTP {self.status}): {self.problem}"


class Rejected(ServerError):
    """The server understood the request and says why it will not do it."""

    is_final = True
    is_refusal = True
    may_have_arrived = False

    def __init__(self, server: str, status: int, problem: str) -> None:
        super().__init__(server, problem)
        self.args = (server, status, problem)
        self.status = status

    def __str__(self) -> str:
        return f"{self.server} rejects the request (HTTP {self.status}): {self.problem}"


class NotOffered(ServerError):
    """The server knows only the old contract, which has nothing like what was asked."""

    is_final = True
    is_refusal = True
    may_have_arrived = False

    def __str__(self) -> str:
        return f"{self.server} knows Libra's old contract only: {self.problem}"


class ProtocolError(ServerError):
    """The answer is not in the protocol; ``start`` is the start of its text.

    It may come from a proxy, which may have passed the request on.
    """

    is_refusal = True
    another_may_answer = True

    def __init__(self, server: str, status: int, problem: str, start: str = "") -> None:
        super().__init__(server, problem)
        self.args = (server, status, problem, start)
        self.status = status
        self.start = start

    def __str__(self) -> str:
        said = f"; the answer (HTTP {self.status}) starts: {self.start}" if self.start else ""
        return f"{self.server} does not answer as expected: {self.problem}{said}"


class JobError(LibraError):
    """An accepted job did not end well; ``detail`` says what is known of ``job_id``."""

    outcome = "did not end well"
    unexplained = "nothing more is known"

    def __init__(self, job_id: str, detail: str = "") -> None:
        super().__init__(job_id, detail)
        self.job_id = job_id
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.job_id} {self.outcome}: {self.detail or self.unexplained}"


class JobFailed(JobError):
    """The job ended by itself, without success."""

    outcome = "failed"
    unexplained = "the server gave no reason; the driver's log may"


class JobWrong(JobFailed):
    """The job failed and would fail again: what its author wrote must change."""

    is_final = True


class ResultNotWhole(JobError):
    """The job succeeded, and the server gave back only a part of its result."""

    is_final = True

    outcome = "succeeded, and its result did not come whole"


class JobKilled(JobError):
    """Somebody stopped the job."""

    outcome = "was killed"
    unexplained = "not by this task; by whom is unknown"


class JobLost(JobError):
    """The server answered, and no longer knows how the job stands."""

    outcome = "is lost"
    unexplained = "the server no longer knows it, its process may still run"


class JobLostForGood(JobLost):
    """The job is lost and may still run: another one could be a second one."""

    is_final = True
    unexplained = "its process may still run, and nothing was submitted again"


class JobGivenUp(JobError):
    """The watch over the job ended before the job did; ``detail`` says why."""

    outcome = "was given up on"


class KillNotVerified(JobError):
    """The kill of the job was requested, and its end was not seen in time."""

    outcome = "may still be running"
    unexplained = "its kill was requested, and it did not end in time; check it at the server"


class UndecidedSubmission(JobError):
    """Whether a submission has made a job is unknown now."""

    outcome = "may or may not have been submitted"


class UnknowableSubmission(UndecidedSubmission):
    """It stays unknown: the server does not find jobs again."""

    is_final = True
