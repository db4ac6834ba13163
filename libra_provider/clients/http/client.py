"""A client of one server or several interchangeable ones; runs calls and dialogues."""

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
    """Sends calls to the first of *addresses* that responds, and remembers it."""

    def __init__(self, addresses: Sequence[ServerAddress]) -> None:
        self.addresses = tuple(addresses)
        self._active = 0
        self._transports: dict[ServerAddress, Transport] = {}

    @property
    def active(self) -> ServerAddress:
        """The address that responded last, initially the first one."""
        return self.addresses[self._active]

    def send(self, call: Call[T]) -> T:
        """Send *call*; raises ServerError."""
        errors: list[ServerError] = []
        for transport in self._in_turn():
            try:
                return self._remember(transport, transport.send(call))
            except ServerError as error:
                errors.append(_checked_for_failover(call, error))
        raise _combined(errors)

    async def asend(self, call: Call[T]) -> T:
        """Send *call* without blocking the event loop; raises ServerError."""
        errors: list[ServerError] = []
        for transport in self._in_turn():
            try:
                return self._remember(transport, await transport.asend(call))
            except ServerError as error:
                errors.append(_checked_for_failover(call, error))
        raise _combined(errors)

    def run(self, dialogue: Dialogue[T]) -> T:
        """Run *dialogue* and return its result; a failed request is raised inside it."""
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
        """Close the blocking connections."""
        for transport in self._transports.values():
            transport.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop."""
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
        # Another server must not get the credentials of this one.
        try:
            other = replace(self.addresses[0], url=url, authorization=BearerToken(None))
        except BadInput as error:
            # The URL comes from a server, not from the user.
            raise ServerError(url, error.expected) from error
        return self._transport(other)

    def _transport(self, address: ServerAddress) -> Transport:
        # Keyed by the whole address: a page on the same port is requested without the credentials.
        if address not in self._transports:
            self._transports[address] = Transport(address)
        return self._transports[address]


def _checked_for_failover(call: Call[Any], error: ServerError) -> ServerError:
    """Return *error* if the next server may be tried; otherwise raise it.

    A call with side effects goes to a second server only if the first is known not to have executed
    it.
    """
    is_safe = call.is_idempotent or not error.may_have_arrived
    if not (error.another_may_answer and is_safe):
        raise error
    return error


def _combined(errors: Sequence[ServerError]) -> ServerError:
    """The errors of several servers as one, of the most recoverable kind."""
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
