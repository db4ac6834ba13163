"""Writes to the ledger on a thread of its own; whatever waits at the same time shares a commit."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from libra_provider.server.errors import LedgerAway, Refusal
from libra_provider.server.ledger.ledger import Ledger

_log = logging.getLogger(__name__)
T = TypeVar("T")
_MOST_AT_ONCE = 500
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
# The ledger's own limits are shorter; a database that was frozen keeps none.
_PATIENCE = 15.0


@dataclass(frozen=True, slots=True, eq=False)
class _Act(Generic[T]):
    """What is to be written; a ``kept`` one is tried until it is committed."""

    write: Callable[[], T]
    answer: asyncio.Future[T]
    kept: bool


_Outcome = tuple[_Act[Any], Any, BaseException | None]


class LedgerWriter:
    """Commits, in the order in which it was asked; lives on one event loop.

    ``problem`` says why the ledger cannot be written now; it is empty while it can.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._inbox: queue.SimpleQueue[_Act[Any] | None] = queue.SimpleQueue()
        self._closing = False
        self._away: LedgerAway | None = None
        self._thread = threading.Thread(target=self._work, name="clerk", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self.problem = ""

    def start(self) -> None:
        """Begin to write; call it on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def write(self, act: Callable[[], T]) -> T:
        """What *act* returned, once it is committed; raises LedgerAway when it cannot be now."""
        answer = self._hand_in(act, kept=False)
        try:
            return await asyncio.wait_for(answer, _PATIENCE)
        except TimeoutError as error:
            sentence = "Libra's ledger does not answer; ask again."
            raise LedgerAway(sentence, retry_after=2) from error

    def keep(self, act: Callable[[], T]) -> asyncio.Future[T]:
        """What *act* will have returned, however long the ledger is away: it must allow repetition.

        Its only errors are refusals, and those that come again whenever it is tried.
        """
        return self._hand_in(act, kept=True)

    def _hand_in(self, act: Callable[[], T], *, kept: bool) -> asyncio.Future[T]:
        answer: asyncio.Future[T] = self._loop.create_future()
        self._inbox.put(_Act(act, answer, kept))
        return answer

    async def close(self) -> None:
        """Return once everything is committed, or cannot be by a last try."""
        self._closing = True
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        kept: list[_Act[Any]] = []
        pause = _FIRST_PAUSE
        while not self._closing or kept or not self._inbox.empty():
            acts = kept + self._taken(pause if self.problem else None)
            self._away = None
            outcomes = self._commit(acts)
            self._note()
            pause = min(2 * pause, _LONGEST_PAUSE) if self.problem else _FIRST_PAUSE
            kept = [] if self._closing else [act for act, _, why in outcomes if _again(act, why)]
            done = [each for each in outcomes if each[0] not in kept]
            self._loop.call_soon_threadsafe(_answer, done)

    def _taken(self, pause: float | None) -> list[_Act[Any]]:
        """What waits; where nothing does, what comes next, or nothing after *pause* seconds."""
        acts: list[_Act[Any] | None] = []
        try:
            acts.append(self._inbox.get(timeout=pause))
            while len(acts) < _MOST_AT_ONCE:
                acts.append(self._inbox.get_nowait())
        except queue.Empty:
            pass
        return [act for act in acts if act]

    def _commit(self, acts: Sequence[_Act[Any]]) -> list[_Outcome]:
        try:
            with self._ledger.transaction():
                if self.problem:
                    self._ledger.check()
                return [_tried(act) for act in acts if act.kept or not act.answer.cancelled()]
        except LedgerAway as away:
            self._away = away
            return [(act, None, away) for act in acts]
        except Exception as error:  # noqa: BLE001  # it goes to who asked for it
            if len(acts) == 1:
                return [(acts[0], None, error)]
            # One of them cannot be written; the others must not suffer for it.
            return [outcome for act in acts for outcome in self._commit([act])]

    def _note(self) -> None:
        if self._away and not self.problem:
            _log.error("%s What must be kept is tried until it is committed.", self._away)
        elif self.problem and not self._away:
            _log.warning("Libra's ledger can be used again.")
        self.problem = str(self._away or "")


def _tried(act: _Act[Any]) -> _Outcome:
    try:
        return act, act.write(), None
    except LedgerAway:
        raise
    except Refusal as refusal:  # an answer, not a failure: it has changed nothing
        return act, None, refusal


def _again(act: _Act[Any], why: BaseException | None) -> bool:
    return act.kept and isinstance(why, LedgerAway)


def _answer(outcomes: Sequence[_Outcome]) -> None:
    for act, value, why in outcomes:
        if act.answer.done():  # nobody waits any more
            continue
        if why:
            act.answer.set_exception(why)
        else:
            act.answer.set_result(value)
