"""Who may ask, and what every route is given."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from libra_provider.server import problem_details
from libra_provider.server.dispatcher import Dispatcher
from libra_provider.server.driver.supervisor import Supervisor
from libra_provider.server.ledger import Ledger
from libra_provider.server.problems import NotAuthorized
from libra_provider.server.settings import Settings

# Orchestrators probe without a token; what the API looks like is no secret.
_OPEN_TO_ALL = frozenset({"/livez", "/readyz", "/openapi.json", "/docs"})


class Libra:
    """The parts of one running server."""

    def __init__(self, settings: Settings, ledger: Ledger, driver: Supervisor) -> None:
        self.settings = settings
        self.ledger = ledger
        self.driver = driver
        self.dispatcher = Dispatcher(settings, ledger, driver)


# async, though it never waits: FastAPI takes a plain function to another thread and back.
async def _libra(request: Request) -> Libra:
    libra: Libra = request.app.state.libra
    return libra


LibraDep = Annotated[Libra, Depends(_libra)]


class Gate:
    """Middleware: whoever does not present *token* learns nothing, and is not listened to."""

    def __init__(self, app: ASGIApp, *, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 before its body is read."""
        if self._token is None or scope["type"] != "http" or self._may_pass(scope, self._token):
            await self._app(scope, receive, send)
            return
        refusal = NotAuthorized("The bearer token is missing or wrong; send Libra's token.")
        await problem_details.of(refusal)(scope, receive, send)

    @staticmethod
    def _may_pass(scope: Scope, token: str) -> bool:
        if scope["path"] in _OPEN_TO_ALL:
            return True
        header = Headers(scope=scope).get("Authorization", "")
        scheme, _, presented = header.partition(" ")
        # Constant time: how long it takes must not tell how much of a guess is right.
        right = hmac.compare_digest(presented.strip().encode(), token.encode())
        return right and scheme.lower() == "bearer"
