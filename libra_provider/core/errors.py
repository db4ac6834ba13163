"""What can go wrong, in Libra's own words.

::

    LibraError
    ├── BadInput              wrong before anything was sent; trying again cannot help
    ├── NotInstalled          a package that the call needs is not there
    ├── ServerError           a server was asked, and the question was not answered
    │   ├── ServerUnreachable nobody answered, or the connection broke
    │   ├── ServerBusy        429 or 503: ask again later
    │   ├── AccessDenied      401 or 403
    │   ├── Rejected          the server understood the request and refuses it
    │   ├── NotOffered        the server is too old for the request
    │   └── ProtocolError     the answer is not what the protocol says
    └── JobError              a job was accepted, and did not end well
        ├── JobFailed
        │   └── JobWrong      it was wrong as it was written; trying again cannot help
        ├── ResultNotWhole    it ended well, and its result did not come whole
        ├── JobKilled
        ├── JobLost           the server no longer knows it; it may still run
        ├── JobGivenUp        the watch over it ended before it did
        └── KillNotVerified   it was told to stop, and was still alive when last seen

Each class keeps its facts as attributes and is safe to pickle between Airflow's processes:
``args`` are the constructor's arguments.
"""

from __future__ import annotations

RESULT_TOO_LARGE = "LIBRA_RESULT_TOO_LARGE"
"""The error class of a statement whose result has more rows or bytes than may be returned."""


class LibraError(Exception):
    """The base of every error raised on purpose by this package."""


class BadInput(LibraError, ValueError):
    """A parameter has a value that cannot work; names the parameter, the value and what would."""

    def __init__(self, parameter: str, value: object, expected: str) -> None:
        super().__init__(parameter, value, expected)
        self.parameter = parameter
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        return f"Invalid {self.parameter}={self.value!r}: {self.expected}."


class NotInstalled(LibraError, ImportError):
    """A call needs *package*, which is not installed; ``extra`` of this provider brings it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(package, extra)
        self.package = package
        self.extra = extra

    def __str__(self) -> str:
        install = f"pip install 'airflow-provider-libra[{self.extra}]'"
        return f"{self.package} is needed and not installed here: {install}."


class ServerError(LibraError):
    """A server was asked and did not give the answer; *server* is its address, without secrets."""

    def __init__(self, server: str, problem: str) -> None:
        super().__init__(server, problem)
        self.server = server
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.server}: {self.problem}"


class ServerUnreachable(ServerError):
    """Nobody answered at that address.

    ``may_have_arrived`` is False only when it is certain that the server never saw the request.
    """

    def __init__(self, server: str, problem: str, may_have_arrived: bool = False) -> None:
        super().__init__(server, problem)
        self.args = (server, problem, may_have_arrived)
        self.may_have_arrived = may_have_arrived

    def __str__(self) -> str:
        return f"No answer from {self.server}: {self.problem}"


class ServerBusy(ServerError):
    """The server asks to come back later; ``retry_after`` is in seconds."""

    def __init__(self, server: str, problem: str, retry_after: float = 1.0) -> None:
        super().__init__(server, problem)
        self.args = (server, problem, retry_after)
        self.retry_after = retry_after


class AccessDenied(ServerError):
    """401 or 403: the credentials of the connection are missing or wrong."""

    def __init__(self, server: str, status: int, problem: str) -> None:
        super().__init__(server, problem)
        self.args = (server, status, problem)
        self.status = status

    def __str__(self) -> str:
        return f"{self.server} refuses access (HTTP {self.status}): {self.problem}"


class Rejected(ServerError):
    """The server understood the request and says why it will not do it."""

    def __init__(self, server: str, status: int, problem: str) -> None:
        super().__init__(server, problem)
        self.args = (server, status, problem)
        self.status = status

    def __str__(self) -> str:
        return f"{self.server} rejects the request (HTTP {self.status}): {self.problem}"


class NotOffered(ServerError):
    """The server knows only the old contract, which has nothing like what was asked."""

    def __str__(self) -> str:
        return f"{self.server} knows Libra's old contract only: {self.problem}"


class ProtocolError(ServerError):
    """Something answered, and it does not speak the protocol; ``start`` is what it said first."""

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


class ResultNotWhole(JobError):
    """The job succeeded, and the server gave back only a part of its result."""

    outcome = "succeeded, and its result did not come whole"


class JobKilled(JobError):
    """Somebody stopped the job."""

    outcome = "was killed"
    unexplained = "not by this task; the server does not say by whom"


class JobLost(JobError):
    """The server answered, and no longer knows how the job stands."""

    outcome = "is lost"
    unexplained = "the server no longer knows it, its process may still run"


class JobGivenUp(JobError):
    """The watch over the job ended before the job did; ``detail`` says why."""

    outcome = "was given up on"


class KillNotVerified(JobError):
    """The job was told to stop, and was not seen to end in time."""

    outcome = "may still be running"
    unexplained = "it was told to stop and did not end in time; look at the server"
