"""Dependencies of the routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from libra_provider.server.libra import Libra


# async although it never waits: FastAPI would run a plain function in another thread.
async def _libra(request: Request) -> Libra:
    libra: Libra = request.app.state.libra
    return libra


LibraDep = Annotated[Libra, Depends(_libra)]
