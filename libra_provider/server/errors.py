"""What Libra's server refuses, and why.

::

    LibraError (core)
    ├── BadInput (core)     the request cannot work as it is
    ├── LedgerTooNew        a newer Libra has upgraded the ledger, so this one cannot start
    └── Refusal             the request is fine; Libra, or the statement, is not in the state for it
        ├── NotAuthorized
        ├── NotPermitted    the signed path is not good for this, or not any more
        ├── WrongMethod     carries those that the signed path has
        ├── UnknownStatement
        ├── UnknownSession
        ├── UnknownArtifact
        ├── NotAcceptable   the result does not come in that form
        ├── TooSlow         the body did not arrive in time
        ├── KeyReused       the idempotency key belongs to another request
        ├── NoResult        the statement has no rows to give
        ├── IllegalMove     a statement cannot go from that state to this one
        ├── Conflict        a job stands otherwise than the request supposes
        ├── Over            the job has ended, so nothing is taken from its driver any more
        ├── BodyTooLarge    the body has more bytes than the settings allow
        ├── NotJson         the body is something else
        ├── NoRoom          it would be kept, if there were room
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
    """Libra cannot do what was asked; ``job_id`` is the statement it is about, if any."""

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
    """The signature of a path is wrong, or has expired."""


class WrongMethod(Refusal):
    """Nobody may do this to a signed path; ``allowed`` is what may be done."""

    def __init__(self, sentence: str, allowed: Sequence[str]) -> None:
        super().__init__(sentence)
        self.args = (sentence, allowed)
        self.allowed = allowed


class UnknownStatement(Refusal):
    """No statement has this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Libra knows no statement {job_id!r}; check the id.", job_id)


class UnknownSession(Refusal):
    """No session has this name."""


class UnknownArtifact(Refusal):
    """No artifact has this hash."""


class NotAcceptable(Refusal):
    """The result exists, but not in a form that ``Accept`` names."""


class TooSlow(Refusal):
    """The body did not arrive in time."""


class BodyTooLarge(Refusal):
    """The body has more bytes than the settings allow."""


class NotJson(Refusal):
    """The body is not declared as JSON."""


class StorageFull(Refusal):
    """What is kept may not grow: by the settings, or the disk is full."""


class KeyReused(Refusal):
    """The idempotency key was used with another body."""


class NoResult(Refusal):
    """The statement did not end with success, so there are no rows."""


class IllegalMove(Refusal):
    """The statement is in a state from which it cannot go there."""


class Conflict(Refusal):
    """The job was announced, begun or handed in otherwise than the request supposes."""


class JobAlreadyEnded(Refusal):
    """The job has ended; what its driver says now comes too late."""


class ComeBackLater(Refusal):
    """The same request may succeed after ``retry_after`` seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.args = (sentence, retry_after)
        self.retry_after = retry_after


class QueueFull(ComeBackLater):
    """As many statements wait as the settings allow."""


class TooManySessions(ComeBackLater):
    """As many sessions are open as the settings allow."""


class NotReady(ComeBackLater):
    """The driver is starting, or Libra is stopping."""


class LedgerUnavailable(NotReady):
    """The ledger's database does not answer, or cannot be written."""


class LedgerInUse(LedgerUnavailable):
    """Another Libra uses the ledger."""
