from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from libra_provider.clients.http.call import Call
from libra_provider.clients.http.client import Client

Sender = Callable[[Client, Call[Any]], Any]


def blocking(client: Client, call: Call[Any]) -> Any:
    try:
        return client.send(call)
    finally:
        client.close()


def on_a_loop(client: Client, call: Call[Any]) -> Any:
    async def run() -> Any:
        try:
            return await client.asend(call)
        finally:
            await client.aclose()

    return asyncio.run(run())


@pytest.fixture(params=[blocking, on_a_loop], ids=["send", "asend"])
def send(request: pytest.FixtureRequest) -> Sender:
    """Sends one call by a client that is closed then, blocking and on an event loop."""
    sender: Sender = request.param
    return sender
