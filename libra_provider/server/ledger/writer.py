"""Writes to the ledger on its own thread; writes that wait at the same time share one commit."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from libra_provider.server.errors import LedgerUnavailable, Refusal
from libra_provider.server.ledger.ledger import Ledger

_log = logging.getLogger(__name__)
T = TypeVar("T")
_MOST_AT_ONCE = 500
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
# Seconds. The database's own timeouts are shorter, but a frozen server does not keep them.
_TIMEOUT = 15.0


@dataclass(frozen=True, slots=True, eq=False)
class _Write(Generic[T]):
    """One write; a ``lasting`` one is retried until it is committed."""

    act: Callable[[], T]
    result: asyncio.Future[T]
    lasting: bool


_Outcome = tuple[_Write[Any], Any, BaseException | None]


class LedgerWriter:
    """Commits writes in the order of the calls; belongs to one event loop.

    ``problem`` says why the ledger cannot be written now; it is empty while it can be.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._inbox: queue.SimpleQueue[_Write[Any] | None] = queue.SimpleQueue()
        self._closing = False
        self._error: LedgerUnavailable | None = None
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self.problem = ""

    def start(self) -> None:
        """Start the thread; call it on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def write(self, act: Callable[[], T]) -> T:
        """Commit *act* and return its result; raises LedgerUnavailable if that fails for now."""
        result = self._enqueue(act, lasting=False)
        try:
            return await asyncio.wait_for(result, _TIMEOUT)
        except TimeoutError as error:
            sentence = f"Libra's ledger did not respond within {_TIMEOUT:g} seconds. Retry later."
            raise LedgerUnavailable(sentence, retry_after=2) from error

    def write_eventually(self, act: Callable[[], T]) -> asyncio.Future[T]:
        """Commit *act*, which must be idempotent, however long the ledger is unavailable.

        The future has its result, or an error that does not depend on the ledger's availability.
        """
        return self._enqueue(act, lasting=True)

    def _enqueue(self, act: Callable[[], T], *, lasting: bool) -> asyncio.Future[T]:
        result: asyncio.Future[T] = self._loop.create_future()
        self._inbox.put(_Write(act, result, lasting))
        return result

    async def close(self) -> None:
        """Return once everything is committed, or a last attempt has failed."""
        self._closing = True
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        left: list[_Write[Any]] = []
        pause = _FIRST_PAUSE
        while not self._closing or left or not self._inbox.empty():
            writes = left + self._next(pause if self.problem else None)
            self._error = None
            outcomes = self._commit(writes)
            self._update_problem()
            pause = min(2 * pause, _LONGEST_PAUSE) if self.problem else _FIRST_PAUSE
            left = [] if self._closing else [w for w, _, why in outcomes if _is_left(w, why)]
            done = [each for each in outcomes if each[0] not in left]
            self._loop.call_soon_threadsafe(_set_results, done)

    def _next(self, pause: float | None) -> list[_Write[Any]]:
        """Take all writes that wait, or the next one; none if none comes within *pause* seconds."""
        writes: list[_Write[Any] | None] = []
        try:
            writes.append(self._inbox.get(timeout=pause))
            while len(writes) < _MOST_AT_ONCE:
                writes.append(self._inbox.get_nowait())
        except queue.Empty:
            pass
        return [each for each in writes if each]

    def _commit(self, writes: Sequence[_Write[Any]]) -> list[_Outcome]:
        try:
            with self._ledger.transaction():
                if self.problem:
                    self._ledger.check_writable()
                return [_run(w) for w in writes if w.lasting or not w.result.cancelled()]
        except LedgerUnavailable as error:
            self._error = error
            return [(each, None, error) for each in writes]
        except Exception as error:  # noqa: BLE001  # it is the caller's
            if len(writes) == 1:
                return [(writes[0], None, error)]
            # One of them cannot be written; the others must not fail because of it.
            return [outcome for each in writes for outcome in self._commit([each])]

    def _update_problem(self) -> None:
        if self._error and not self.problem:
            _log.error("%s Libra retries its pending writes until they are committed.", self._error)
        elif self.problem and not self._error:
            _log.warning("Libra's ledger is available again.")
        self.problem = str(self._error or "")


def _run(write: _Write[Any]) -> _Outcome:
    try:
        return write, write.act(), None
    except LedgerUnavailable:
        raise
    except Refusal as refusal:  # it has changed nothing, so the others can be committed
        return write, None, refusal


def _is_left(write: _Write[Any], why: BaseException | None) -> bool:
    return write.lasting and isinstance(why, LedgerUnavailable)


def _set_results(outcomes: Sequence[_Outcome]) -> None:
    for write, value, why in outcomes:
        if write.result.done():  # its caller has given up
            continue
        if why:
            write.result.set_exception(why)
        else:
            write.result.set_result(value)
