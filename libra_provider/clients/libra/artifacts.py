"""Calls that upload files for drivers to Libra, each once, by the SHA-256 of its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote

from libra_provider.clients.artifact import Artifact
from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.content import Content
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.http.problems import checked
from libra_provider.clients.libra.contract import Contract
from libra_provider.core.errors import NotOffered

# Called with the artifact, and how many of its bytes have been sent so far.
OnProgress = Callable[[Artifact, int], object]
_TOO_OLD = "this version stores no files for drivers; upgrade it"


def exists(artifact: Artifact) -> Call[bool]:
    """Return whether Libra has *artifact*, and mark it as used now."""

    def parse(reply: Reply) -> bool:
        # A response to HEAD has no body that shows whether the 404 comes from Libra.
        return reply.status != 404 and bool(checked(reply))

    return Call(method="HEAD", path=_path(artifact), parse=parse, idempotent=True)


def put(artifact: Artifact, progress: OnProgress | None = None) -> Call[None]:
    """Upload *artifact*; if Libra has it already, it stays as it is."""

    def parse(reply: Reply) -> None:
        body = checked(reply).json_object()
        if body.get("sha256") != artifact.sha256:
            raise reply.not_as_expected("an artifact of this hash was expected")

    content = artifact.content if progress is None else _watched(artifact, progress)
    return Call(method="PUT", path=_path(artifact), parse=parse, content=content, idempotent=True)


def store(
    contract: Contract, artifact: Artifact, progress: OnProgress | None = None
) -> Dialogue[bool]:
    """Upload *artifact* unless Libra has it; return whether it was uploaded."""
    health = yield from contract.fetch_health()
    if health.is_old:
        raise NotOffered(health.server, _TOO_OLD)
    if (yield Ask(exists(artifact))):
        return False
    yield Ask(put(artifact, progress))
    return True


def _watched(artifact: Artifact, progress: OnProgress) -> Content:
    def pieces() -> Iterator[bytes]:
        sent = 0
        for piece in artifact.content:
            sent += len(piece)
            # Before the piece is sent: after the last one, this generator is not resumed.
            progress(artifact, sent)
            yield piece

    return Content(artifact.size, pieces)


def _path(artifact: Artifact) -> str:
    return f"/api/v1/artifacts/{artifact.sha256}/{quote(artifact.name, safe='')}"
