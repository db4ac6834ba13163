"""Store artifacts (with the token) and download them (with a signed URL)."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from libra_provider.core.paths import NAME
from libra_provider.core.units import MIB
from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.api.schemas.server import ArtifactBody
from libra_provider.server.artifacts.store import StoredArtifact
from libra_provider.server.model.artifact import SHA256, Artifact
from libra_provider.server.signed_urls import Purpose

BYTES = "application/octet-stream"
_CONTENT = {BYTES: {"schema": {"type": "string", "format": "binary"}}}
_LENGTH = {"Content-Length": {"description": "Bytes.", "schema": {"type": "integer"}}}
_RANGE = re.compile(r"bytes=([0-9]{1,18})-[0-9]{0,18}")


async def _signature(
    signature: Annotated[
        str, Path(description="`{expiry}.{hmac}`, from the URL that Libra has issued.")
    ],
) -> None:
    """Declare the path parameters, for the OpenAPI document only."""


router = APIRouter(tags=["artifacts"])
signed = APIRouter(tags=["artifacts"], dependencies=[Depends(_signature)])


# async, though it never waits: FastAPI takes a plain function to another thread and back.
async def _artifact(
    sha256: Annotated[
        str,
        Path(
            description="The SHA-256 of the content, 64 lower-case hexadecimal digits.",
            json_schema_extra={"pattern": f"^{SHA256}$"},
        ),
    ],
    name: Annotated[
        str,
        Path(
            description="The file name for drivers; its extension tells Spark the type.",
            json_schema_extra={"pattern": f"^{NAME}$"},
        ),
    ],
) -> Artifact:
    return Artifact(sha256, name)


ArtifactDep = Annotated[Artifact, Depends(_artifact)]


class ArtifactFile(FileResponse):
    """The response with an artifact, or with the requested range of it."""

    chunk_size = MIB

    def __init__(self, kept: StoredArtifact) -> None:
        super().__init__(kept.path, media_type=BYTES)
        self._size = kept.size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; for an invalid range, all of it."""
        whole = [pair for pair in scope["headers"] if pair[0] != b"range" or self._has(pair[1])]
        await super().__call__({**scope, "headers": whole}, receive, send)

    def _has(self, wanted: bytes) -> bool:
        found = _RANGE.fullmatch(wanted.decode("latin-1"))
        return found is not None and int(found[1]) < self._size


@router.put(
    "/artifacts/{sha256}/{name}",
    response_model=None,
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
    responses={
        200: {"model": ArtifactBody, "description": "The artifact was stored already."},
        201: {"model": ArtifactBody, "description": "The artifact is stored."},
        **refusals(400, 408, 413, 507),
    },
)
async def keep_artifact(artifact: ArtifactDep, request: Request, libra: LibraDep) -> Response:
    """Store an artifact. The body must match the hash; it is not read if Libra has it already."""
    declared = int(request.headers.get("content-length", "0"))
    kept, is_new = await libra.artifacts.receive(artifact, request.stream(), declared)
    body = ArtifactBody(sha256=artifact.sha256, name=artifact.name, size=kept.size)
    return Response(body.to_json(), 201 if is_new else 200, media_type="application/json")


@router.head(
    "/artifacts/{sha256}/{name}",
    response_model=None,
    response_class=Response,
    responses={
        200: {"description": "Libra has the artifact; it counts as used now.", "headers": _LENGTH},
        **refusals(400, 404),
    },
)
async def find_artifact(artifact: ArtifactDep, libra: LibraDep) -> Response:
    """Check whether Libra has an artifact, so that it need not be uploaded."""
    kept = await libra.artifacts.use(artifact)
    return Response(headers={"Content-Length": str(kept.size)})


_PATH = f"/{Purpose.ARTIFACT}/{{signature}}/{{sha256}}/{{name}}"
_ANSWERS = {
    200: {"description": "The content.", "content": _CONTENT},
    206: {"description": "The requested range.", "content": _CONTENT},
    **refusals(400, 403, 404),
}


@signed.get(_PATH, response_model=None, response_class=Response, responses=_ANSWERS)
async def fetch_artifact(artifact: ArtifactDep, libra: LibraDep) -> Response:
    """Download an artifact; the path is signed, so no token is needed."""
    return ArtifactFile(await libra.artifacts.use(artifact))


@signed.head(_PATH, response_model=None, response_class=Response, responses=_ANSWERS)
async def look_at_artifact(artifact: ArtifactDep, libra: LibraDep) -> Response:
    """Get the headers of the download."""
    return ArtifactFile(await libra.artifacts.use(artifact))
