"""Requests for estimates that wait for the driver's reply."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from libra_provider.server.driver.messages import EstimateQuery, EstimateResult, Message
from libra_provider.server.errors import NotReady


class PendingEstimates:
    """Queries sent by *say* and not answered yet, each *within* seconds; on one event loop."""

    def __init__(self, say: Callable[[Message], None], *, within: float) -> None:
        self._say, self._within = say, within
        self._asked: dict[str, asyncio.Future[EstimateResult]] = {}

    async def ask(
        self, session: str, code: str, parameters: Mapping[str, Any] | Sequence[Any] | None
    ) -> EstimateResult:
        """Spark's answer; raises NotReady when there is none in time."""
        key = secrets.token_hex(8)
        answer = self._asked[key] = asyncio.get_running_loop().create_future()
        self._say(EstimateQuery(key=key, session=session, code=code, parameters=parameters))
        try:
            return await asyncio.wait_for(answer, self._within)
        except TimeoutError as error:
            sentence = (
                f"The driver returned no estimate within {self._within:g} s; try again later."
            )
            raise NotReady(sentence, retry_after=5) from error
        finally:
            del self._asked[key]

    def answered(self, estimated: EstimateResult) -> None:
        """Deliver a reply; a late one is dropped."""
        answer = self._asked.get(estimated.key)
        if answer and not answer.done():
            answer.set_result(estimated)

    def refuse(self, reason: str) -> None:
        """Fail all pending requests, because the driver has ended."""
        sentence = f"The driver ended before it gave an estimate ({reason}); ask again."
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(NotReady(sentence, retry_after=5))
