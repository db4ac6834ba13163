"""The two endpoints of the old API that run a program and wait for its end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import Field

from libra_provider.core.errors import BadInput
from libra_provider.core.field_rules import check_work
from libra_provider.core.kinds import Kind
from libra_provider.core.masking import masked_text
from libra_provider.server.api.dependencies import LibraDep
from libra_provider.server.api.errors import invalid
from libra_provider.server.api.openapi import Answers, refusals
from libra_provider.server.api.schemas.base import Plain, WireModel, milliseconds
from libra_provider.server.api.schemas.statements import StatementRequest
from libra_provider.server.api.strict_json import StrictJsonRoute
from libra_provider.server.api.validation import spec_of
from libra_provider.server.libra import Libra
from libra_provider.server.model.sessions import DEFAULT_SESSION
from libra_provider.server.model.statement import State
from libra_provider.server.statement_logs import StatementLogs

_MOST_OUTPUT = 2**20  # characters


class JarJobRequest(WireModel):
    """A JAR to run with ``spark-submit`` or in the JVM of the shared driver."""

    jar_path: Plain | None = None
    main_class: Plain | None = None
    args: list[Plain] | None = None
    execution_mode: Literal["SPARK_SUBMIT", "IN_JVM"] | None = None
    pool: Plain | None = None
    spark_config: dict[str, Any] | None = None

    def statement(self) -> StatementRequest:
        """Return the equivalent statement."""
        in_jvm = self.execution_mode == "IN_JVM"
        return _statement(
            self,
            kind=Kind.JAR_CLASS if in_jvm else Kind.JAR,
            filePath=self.jar_path,
            mainClass=self.main_class,
            deployMode=None if in_jvm else "client",
        )


class PythonJobRequest(WireModel):
    """A Python file, or Python code, to run with ``spark-submit``."""

    file_path: Plain | None = None
    python_code: str | None = None
    args: list[Plain] | None = None
    pool: Plain | None = None
    spark_config: dict[str, Any] | None = None

    def statement(self) -> StatementRequest:
        """Return the equivalent statement; raises BadInput unless it has either a file or code."""
        file, code = (self.file_path or "").strip(), (self.python_code or "").strip()
        check_work({"filePath": file or None, "pythonCode": code or None})
        return _statement(
            self,
            kind=Kind.PYTHON if code else Kind.PYTHON_FILE,
            code=self.python_code if code else None,
            filePath=self.file_path if file else None,
            deployMode="client",
        )


def _statement(job: JarJobRequest | PythonJobRequest, **fields: object) -> StatementRequest:
    same = {"args": job.args, "pool": job.pool, "sparkConfig": job.spark_config}
    return StatementRequest.model_validate(same | fields)


class OldJobBody(WireModel):
    """How a program ended; ``output`` is its standard output."""

    status: Literal["SUCCESS", "FAILED"]
    output: str | None = None
    error_message: str | None = None
    execution_time_ms: Annotated[
        int | None, Field(description="Includes the time in the queue.")
    ] = None

    def answer(self, status: int) -> Response:
        """Return the response with this body and *status*."""
        return Response(self.to_json(), status_code=status, media_type="application/json")


class _OldRoute(StrictJsonRoute):
    """Reports invalid bodies in the form of the old API, not as problems of RFC 9457."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, as FastAPI asks for it."""
        handle = super().get_route_handler()

        async def handle_as_before(request: Request) -> Response:
            try:
                return await handle(request)
            except BadInput as error:
                return _refused(masked_text(str(error)))
            except RequestValidationError as error:
                return _refused(invalid(error))

        return handle_as_before


def _refused(sentence: str) -> Response:
    return OldJobBody(status="FAILED", error_message=sentence).answer(400)


_REFUSALS = refusals(429, body=True)
_ANSWERS: Answers = {
    **_REFUSALS,
    200: {"model": OldJobBody, "description": "The program succeeded."},
    400: {**_REFUSALS[400], "model": OldJobBody, "description": "The body is invalid."},
    500: {**_REFUSALS[500], "model": OldJobBody, "description": "The program failed or is lost."},
}
router = APIRouter(prefix="/spark/jobs/submit", tags=["old API"], route_class=_OldRoute)


@router.post("/jar", response_model=None, responses=_ANSWERS)
async def submit_jar(request: JarJobRequest, libra: LibraDep) -> Response:
    """Run a JAR; the response is sent when it has ended."""
    try:
        return await _run(request.statement(), libra)
    except BadInput as error:
        raise _of_a_jar(error) from error


@router.post("/python", response_model=None, responses=_ANSWERS)
async def submit_python(request: PythonJobRequest, libra: LibraDep) -> Response:
    """Run a Python program; the response is sent when it has ended."""
    return await _run(request.statement(), libra)


def _of_a_jar(error: BadInput) -> BadInput:
    if error.parameter != "filePath":
        return error
    return BadInput("jarPath", error.value, error.expected)


async def _run(request: StatementRequest, libra: Libra) -> Response:
    spec = spec_of(DEFAULT_SESSION, request, libra.settings, old=True)
    accepted = await libra.statements.submit(spec)
    ended = await libra.statements.wait(accepted.job_id)
    logs = StatementLogs(libra.settings.statement_logs_dir, ended.job_id)
    output = await run_in_threadpool(logs.text, "stdout")
    good = ended.state is State.SUCCESS
    body = OldJobBody(
        status="SUCCESS" if good else "FAILED",
        output=masked_text(output[-_MOST_OUTPUT:]),
        error_message=None if good else f"{ended.job_id}: {ended.error}",
        execution_time_ms=milliseconds(ended.submitted_at, ended.completed_at),
    )
    return body.answer(200 if good else 500)
