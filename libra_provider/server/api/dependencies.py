"""What routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from libra_provider.server.libra import Libra


# async, though it never waits: FastAPI takes a plain function to another thread and back.
async def _libra(request: Request) -> Libra:
    libra: Libra = request.app.state.libra
    return libra


LibraDep = Annotated[Libra, Depends(_libra)]
