"""One server, or several that stand in for each other, and dialogues that ask more than once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from libra_provider.clients.http.call import Call
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.dialogue import Dialogue
from libra_provider.clients.http.transport import ServerAddress, Transport
from libra_provider.core.errors import BadInput, ServerBusy, ServerError, ServerUnreachable

T = TypeVar("T")


class Client:
    """Sends calls to the first of *addresses* that answers, and remembers which one that was."""

    def __init__(self, addresses: Sequence[ServerAddress]) -> None:
        self.addresses = tuple(addresses)
        self._active = 0
        self._transports: dict[ServerAddress, Transport] = {}

    @property
    def active(self) -> ServerAddress:
        """The address that answered last; the first one before that."""
        return self.addresses[self._active]

    def send(self, call: Call[T]) -> T:
        """The answer to *call*; raises ServerError."""
        errors: list[ServerError] = []
        for transport in self._in_turn():
            try:
                return self._remember(transport, transport.send(call))
            except ServerError as error:
                errors.append(_passed_on(call, error))
        raise _in_one(errors)

    async def asend(self, call: Call[T]) -> T:
        """Answer *call* without blocking the event loop; raises ServerError."""
        errors: list[ServerError] = []
        for transport in self._in_turn():
            try:
                return self._remember(transport, await transport.asend(call))
            except ServerError as error:
                errors.append(_passed_on(call, error))
        raise _in_one(errors)

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

    def _sender(self, url: str | None) -> Client | Transport:
        if url is None:
            return self
        # The secret of this server is none of another's business.
        try:
            other = replace(self.addresses[0], url=url, authorization=BearerToken(None))
        except BadInput as error:
            # A server has said so, not the user.
            raise ServerError(url, error.expected) from error
        return self._transport(other)

    def _transport(self, address: ServerAddress) -> Transport:
        # By the whole address: a page on the same port is asked without the secret.
        if address not in self._transports:
            self._transports[address] = Transport(address)
        return self._transports[address]


def _passed_on(call: Call[Any], error: ServerError) -> ServerError:
    """*error* if another server may be asked after it; otherwise it is raised.

    What changes something goes to a second server only if the first is known not to have done it.
    """
    harmless = call.may_be_repeated or not error.may_have_arrived
    if not (error.another_may_answer and harmless):
        raise error
    return error


def _in_one(errors: Sequence[ServerError]) -> ServerError:
    """What several servers said, as one error: of the kind that leaves the most hope."""
    if len(errors) == 1:
        return errors[0]
    servers = ", ".join(each.server for each in errors)
    problem = "; ".join(f"{each.server}: {each.problem}" for each in errors)
    waits = [each.retry_after for each in errors if isinstance(each, ServerBusy)]
    if waits:
        return ServerBusy(servers, problem, min(waits))
    if any(isinstance(each, ServerUnreachable) for each in errors):
        arrived = any(each.may_have_arrived for each in errors)
        return ServerUnreachable(servers, problem, may_have_arrived=arrived)
    return errors[-1]
