"""Announce jobs whose drivers are submitted by others, and report their success."""

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
    str,
    Path(pattern=r"^[0-9a-f]{32}$", description="32 random hexadecimal digits, new for each job."),
]


@router.put(
    "/jobs/{tag}",
    response_model=None,
    responses={
        200: {
            "model": AnnouncementReply,
            "description": "It was announced before, with the same body.",
        },
        201: {"model": AnnouncementReply, "description": "It is announced."},
        **refusals(409, body=True),
    },
)
async def announce_job(tag: Tag, request: Announcement, libra: LibraDep) -> Response:
    """Announce a job whose driver is submitted, monitored and killed by somebody else.

    From now on it is a statement with the tag as its id. It is `RUNNING` once its driver reports
    its start, and ends when the driver reports its end, when its submitter reports its success, or
    when it is deleted. Libra never starts it.
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
        200: {"model": StatementBody, "description": "The job has ended, now or earlier."},
        **refusals(404, body=True),
    },
)
async def job_succeeded(tag: Tag, request: SuccessReport, libra: LibraDep) -> Response:
    """Report that the driver of a job has succeeded, in case it could not report that itself.

    What it has uploaded becomes the job's result. A job that has ended does not change.
    """
    written = request.written.words if request.written else {}
    words = {"state": State.SUCCESS, **written}
    statement = await libra.statements.announced.report_success(tag, words)
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
    # The same at every request: URLs expire by the time of submission.
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
