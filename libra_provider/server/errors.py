"""What Libra's server refuses, and why.

::

    LibraError (core)
    ├── BadInput (core)     a parameter or field is invalid
    ├── LedgerTooNew        a newer Libra has upgraded the ledger, so this one cannot start
    └── Refusal             the request is valid; the state of Libra or of the statement forbids it
        ├── NotAuthorized
        ├── NotPermitted    the signature of the path is invalid or has expired
        ├── WrongMethod     carries the methods that the signed path has
        ├── UnknownStatement
        ├── UnknownSession
        ├── UnknownArtifact
        ├── NotAcceptable   the result is not available in that format
        ├── TooSlow         the body did not arrive in time
        ├── KeyReused       the idempotency key belongs to another request
        ├── NoResult        the statement has no rows
        ├── IllegalMove     the statement cannot change from its state to the new one
        ├── Conflict        the job is not in the state that the request assumes
        ├── JobAlreadyEnded the job has ended; reports of its driver are no longer accepted
        ├── BodyTooLarge    the body has more bytes than the settings allow
        ├── NotJson         the body is not JSON
        ├── StorageFull     there is no room to store the body
        └── ComeBackLater   carries Retry-After
            ├── QueueFull
            ├── TooManySessions
            └── NotReady
                └── LedgerUnavailable   its database does not work now
                    └── LedgerInUse     another Libra uses it
"""

from __future__ import annotations

from collections.abc import Sequence

from libra_provider import __version__
from libra_provider.core.errors import LibraError


class Refusal(LibraError):
    """Libra cannot do what was requested; ``job_id`` is the statement that it concerns, if any."""

    def __init__(self, sentence: str, job_id: str | None = None) -> None:
        super().__init__(sentence, job_id)
        self.sentence = sentence
        self.job_id = job_id

    def __str__(self) -> str:
        return self.sentence


class LedgerTooNew(LibraError):
    """A newer Libra, *written_by* if that is recorded, brought the ledger to schema *version*."""

    def __init__(self, ledger: str, version: str, written_by: str | None, newest: str) -> None:
        super().__init__(ledger, version, written_by, newest)
        self.ledger = ledger
        self.version = version
        self.written_by = written_by
        self.newest = newest

    def __str__(self) -> str:
        writer = f"Libra {self.written_by}" if self.written_by else "a newer Libra"
        return (
            f"The ledger {self.ledger} has schema version {self.version}, written by {writer}."
            f" This is Libra {__version__}, which supports versions up to {self.newest}."
            f" Start {writer}, or restore the backup that was made before the upgrade."
        )


class NotAuthorized(Refusal):
    """The bearer token is missing or wrong."""


class NotPermitted(Refusal):
    """The signature of a path is invalid or has expired."""


class WrongMethod(Refusal):
    """The signed path does not support this method; ``allowed`` are those that it supports."""

    def __init__(self, sentence: str, allowed: Sequence[str]) -> None:
        super().__init__(sentence)
        self.args = (sentence, allowed)
        self.allowed = allowed


class UnknownStatement(Refusal):
    """No statement has this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Statement {job_id!r} is unknown; check the id.", job_id)


class UnknownSession(Refusal):
    """No session has this name."""


class UnknownArtifact(Refusal):
    """No artifact has this hash."""


class NotAcceptable(Refusal):
    """The result exists, but not in a format that ``Accept`` names."""


class TooSlow(Refusal):
    """The body did not arrive in time."""


class BodyTooLarge(Refusal):
    """The body has more bytes than the settings allow."""


class NotJson(Refusal):
    """The body is not declared as JSON."""


class StorageFull(Refusal):
    """The limit of the settings is reached, or the disk is full."""


class KeyReused(Refusal):
    """The idempotency key was used with another body."""


class NoResult(Refusal):
    """The statement did not end with success, so there are no rows."""


class IllegalMove(Refusal):
    """The statement cannot change from its state to the new one."""


class Conflict(Refusal):
    """The job is not in the state that the request assumes."""


class JobAlreadyEnded(Refusal):
    """The job has ended; the report of its driver is too late."""


class ComeBackLater(Refusal):
    """The same request may succeed after ``retry_after`` seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.args = (sentence, retry_after)
        self.retry_after = retry_after


class QueueFull(ComeBackLater):
    """The limit of waiting statements is reached."""


class TooManySessions(ComeBackLater):
    """The limit of open sessions is reached."""


class NotReady(ComeBackLater):
    """The driver is starting, or Libra is stopping."""


class LedgerUnavailable(NotReady):
    """The ledger's database does not answer, or cannot be written."""


class LedgerInUse(LedgerUnavailable):
    """Another Libra uses the ledger."""
