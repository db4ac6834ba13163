"""Jobs whose drivers others start: their announcement."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from libra_provider.core.field_rules import check_result_path
from libra_provider.core.kinds import DeployMode
from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.openapi import refusals
from libra_provider.server.api.schemas.external_jobs import (
    Announcement,
    AnnouncementReply,
    ArtifactUrl,
    SuccessReport,
)
from libra_provider.server.api.schemas.statements import StatementBody
from libra_provider.server.api.strict_json import StrictJsonRoute
from libra_provider.server.api.validation import FIELDS
from libra_provider.server.errors import Conflict
from libra_provider.server.libra import Libra
from libra_provider.server.model.artifact import Artifact
from libra_provider.server.model.pools import DEFAULT_POOL
from libra_provider.server.model.statement import State, Statement, StatementSpec
from libra_provider.server.signed_urls import LIFE, Purpose

router = APIRouter(tags=["jobs"], route_class=StrictJsonRoute)
Tag = Annotated[
    str, Path(pattern=r"^[0-9a-f]{32}$", description="32 random hex digits, new for each job.")
]


@router.put(
    "/jobs/{tag}",
    response_model=None,
    responses={
        200: {"model": AnnouncementReply, "description": "It was announced before, likewise."},
        201: {"model": AnnouncementReply, "description": "It is announced."},
        **refusals(409, body=True),
    },
)
async def announce_job(tag: Tag, request: Announcement, libra: LibraDep) -> Response:
    """Announce a job whose driver its submitter starts, watches and ends.

    It is a statement from now on, whose id is the tag: `RUNNING` once its driver says so, over
    once that leaves its receipt, once its submitter says that it ended well, or when it is deleted.
    Libra never starts it.
    """
    check_result_path(request.result_path, FIELDS)
    files = [Artifact(each.sha256, each.name) for each in request.artifacts]
    if absent := libra.artifacts.absent(files):
        raise Conflict(str(absent[0].unknown("artifacts")), tag)
    statement, new = await libra.statements.announced.announce(_order(request), tag)
    body = _answer(libra, statement)
    return Response(body.to_json(), 201 if new else 200, media_type="application/json")


@router.post(
    "/jobs/{tag}/succeeded",
    response_model=None,
    responses={
        200: {"model": StatementBody, "description": "It is over, by this or before."},
        **refusals(404, body=True),
    },
)
async def job_succeeded(tag: Tag, request: SuccessReport, libra: LibraDep) -> Response:
    """Say that the driver of a job has ended well, where it has left no receipt.

    What it has handed in is the job's result then. A job that is over stays as it is.
    """
    written = request.written.words if request.written else {}
    words = {"state": State.SUCCESS, **written}
    statement = await libra.statements.announced.succeeded(tag, words)
    return Response(StatementBody.of(statement).to_json(), media_type="application/json")


def _order(request: Announcement) -> StatementSpec:
    return StatementSpec(
        session=request.session,
        kind=request.kind,
        code="",
        pool=DEFAULT_POOL,
        description=request.description,
        tags=request.tags or {},
        result_limit=request.result_limit,
        result_path=request.result_path,
        deploy_mode=DeployMode.CLUSTER,
        announced=True,
        supervised=request.supervised,
        returns=request.returns,
        artifacts=[each.model_dump() for each in request.artifacts],
    )


def _answer(libra: Libra, statement: Statement) -> AnnouncementReply:
    # The same whenever it is asked.
    expires, sign = statement.submitted_at + LIFE, libra.signer.url
    tag = statement.job_id
    artifacts = [
        ArtifactUrl(**each, url=libra.signer.artifact_url(Artifact(**each), expires=expires))
        for each in statement.spec.artifacts
    ]
    return AnnouncementReply(
        job_id=tag,
        state=statement.state,
        artifacts=artifacts,
        result_url=sign(Purpose.RESULT, tag, expires=expires),
        report_url=sign(Purpose.REPORT, tag, expires=expires),
        expires_at=expires,
    )
