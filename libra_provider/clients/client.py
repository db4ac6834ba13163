"""One server, or several that stand in for each other, and dialogues that ask more than once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from libra_provider.clients.call import Call
from libra_provider.clients.dialogue import Dialogue
from libra_provider.clients.transport import BearerToken, ServerAddress, Transport
from libra_provider.core.errors import ServerError, ServerUnreachable

T = TypeVar("T")


class Client:
    """Sends calls to the first of *addresses* that answers, and remembers which one that was."""

    def __init__(self, addresses: Sequence[ServerAddress]) -> None:
        self.addresses = tuple(addresses)
        self._active = 0
        self._transports: dict[str, Transport] = {}

    def send(self, call: Call[T]) -> T:
        """The answer to *call*; raises ServerError."""
        for attempt, transport in enumerate(self._in_turn(), start=1):
            try:
                return self._remember(transport, transport.send(call))
            except ServerUnreachable as error:
                if not self._may_ask_another(call, error, attempt):
                    raise
        raise AssertionError("a client has at least one address")

    async def asend(self, call: Call[T]) -> T:
        """Answer *call* without blocking the event loop; raises ServerError."""
        for attempt, transport in enumerate(self._in_turn(), start=1):
            try:
                return self._remember(transport, await transport.asend(call))
            except ServerUnreachable as error:
                if not self._may_ask_another(call, error, attempt):
                    raise
        raise AssertionError("a client has at least one address")

    def run(self, dialogue: Dialogue[T]) -> T:
        """What *dialogue* found out; a failed question is thrown into it."""
        try:
            ask = next(dialogue)
            while True:
                try:
                    answer = self._sender(ask.url).send(ask.call)
                except ServerError as error:
                    ask = dialogue.throw(error)
                else:
                    ask = dialogue.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found

    async def arun(self, dialogue: Dialogue[T]) -> T:
        """Run *dialogue* without blocking the event loop."""
        try:
            ask = next(dialogue)
            while True:
                try:
                    answer = await self._sender(ask.url).asend(ask.call)
                except ServerError as error:
                    ask = dialogue.throw(error)
                else:
                    ask = dialogue.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found

    def close(self) -> None:
        """Give the blocking connections back."""
        for transport in self._transports.values():
            transport.close()

    async def aclose(self) -> None:
        """Give the connections of the event loop back."""
        for transport in self._transports.values():
            await transport.aclose()

    def _in_turn(self) -> list[Transport]:
        order = [*self.addresses[self._active :], *self.addresses[: self._active]]
        return [self._transport(address) for address in order]

    def _remember(self, transport: Transport, answer: T) -> T:
        self._active = self.addresses.index(transport.address)
        return answer

    def _may_ask_another(self, call: Call[T], error: ServerUnreachable, attempt: int) -> bool:
        """What changes something goes to a second server only if the first never saw it."""
        harmless = call.method == "GET" or not error.may_have_arrived
        return harmless and attempt < len(self.addresses)

    def _sender(self, url: str | None) -> Client | Transport:
        if url is None:
            return self
        # The secret of this server is none of another's business.
        return self._transport(replace(self.addresses[0], url=url, authorization=BearerToken(None)))

    def _transport(self, address: ServerAddress) -> Transport:
        return self._transports.setdefault(address.url, Transport(address))
