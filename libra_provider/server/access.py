"""Who may ask, and what every route is given."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Request

from libra_provider.server.dispatcher import Dispatcher
from libra_provider.server.driver.supervisor import Supervisor
from libra_provider.server.ledger import Ledger
from libra_provider.server.problems import NotAuthorized
from libra_provider.server.settings import Settings


class Libra:
    """The parts of one running server."""

    def __init__(self, settings: Settings, ledger: Ledger, driver: Supervisor) -> None:
        self.settings = settings
        self.ledger = ledger
        self.driver = driver
        self.dispatcher = Dispatcher(settings, ledger, driver)


def _libra(request: Request) -> Libra:
    libra: Libra = request.app.state.libra
    return libra


LibraDep = Annotated[Libra, Depends(_libra)]


async def check_token(request: Request, libra: LibraDep) -> None:
    """Raise NotAuthorized unless the request presents the token, where one is set."""
    if libra.settings.token is None:
        return
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    # Constant time: how long it takes must not tell how much of a guess is right.
    right = hmac.compare_digest(presented.strip().encode(), libra.settings.token.encode())
    if scheme.lower() != "bearer" or not right:
        raise NotAuthorized("The bearer token is missing or wrong; send Libra's token.")
