"""Announced jobs on the wire, and the reports of dedicated drivers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from libra_provider.core.field_rules import MOST_ROWS
from libra_provider.core.kinds import Kind
from libra_provider.server.api.schemas.base import Moment, Plain, SessionName, WireModel
from libra_provider.server.api.schemas.statements import TagText
from libra_provider.server.external_jobs.protocol import check_version
from libra_provider.server.model.sessions import DEFAULT_SESSION
from libra_provider.server.model.statement import State

_MOST_ARTIFACTS = 1000
_LONGEST_NAME = 200
_LONGEST_PLACE = 1000
Version = Annotated[int, Field(description="The version of the driver protocol: 1.")]
Attempt = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
Place = Annotated[Plain, Field(max_length=_LONGEST_PLACE)]


class _Strict(WireModel):
    """A body in which unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class ArtifactName(_Strict):
    """A stored file: its hash, and the name under which the driver downloads it."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[Plain, Field(min_length=1, max_length=_LONGEST_NAME)]


class Announcement(_Strict):
    """A job whose driver somebody else submits; Libra stores its files and its outcome."""

    kind: Kind
    description: Plain | None = None
    session: SessionName = DEFAULT_SESSION
    tags: Annotated[dict[TagText, TagText] | None, Field(max_length=64)] = None
    artifacts: Annotated[Sequence[ArtifactName], Field(max_length=_MOST_ARTIFACTS)] = ()
    result_limit: Annotated[int | None, Field(ge=1, le=MOST_ROWS)] = None
    result_path: Annotated[Plain | None, Field(min_length=1)] = None
    returns: Annotated[
        bool, Field(description="The job fails if its driver succeeds without uploading a result.")
    ] = False
    supervised: Annotated[
        bool,
        Field(description="The master restarts its driver, so a failure does not end the job."),
    ] = False


class ArtifactUrl(WireModel):
    """The URL of a file for a driver."""

    sha256: str
    name: str
    url: str


class AnnouncementReply(WireModel):
    """The URLs that the driver of an announced job needs; each is signed and needs no token."""

    job_id: str
    state: State
    artifacts: list[ArtifactUrl]
    result_url: str
    report_url: str
    expires_at: Moment


class WrittenReport(WireModel):
    """The rows that a driver has written to storage."""

    uri: Plain
    row_count: Annotated[int | None, Field(ge=0, le=2**53)] = None
    bytes: Annotated[int | None, Field(ge=0, le=2**53)] = None
    spark_schema: Annotated[dict[str, Any] | None, Field(alias="schema")] = None

    @property
    def words(self) -> Mapping[str, Any]:
        """The same as fields of a Statement."""
        schema = None if self.spark_schema is None else json.dumps(self.spark_schema)
        return {
            "result_uri": self.uri,
            "row_count": self.row_count,
            "result_bytes": self.bytes,
            "result_schema": schema,
        }


class SuccessReport(_Strict):
    """The driver of a job has succeeded, and may have written rows."""

    written: WrittenReport | None = None


class StartReport(WireModel):
    """A driver runs; a second report adds what was unknown in the first one."""

    version: Version
    event: Literal["started"]
    attempt: Attempt
    driver_id: Place | None = None
    application_id: Place | None = None
    host: Place | None = None
    spark_ui: Place | None = None


class EndedReport(WireModel):
    """A driver is about to end; ``attempt`` identifies its start."""

    version: Version
    event: Literal["ended"]
    attempt: Attempt
    state: Literal["SUCCESS", "FAILED"]
    error: Plain | None = None
    error_class: Place | None = None
    sql_state: Place | None = None
    written: WrittenReport | None = None


def _version_checked(body: Any) -> Any:
    # Before anything else: in another version, the other fields may have another meaning.
    if isinstance(body, dict):
        check_version(body.get("version"))
    return body


Report = Annotated[
    StartReport | EndedReport, Field(discriminator="event"), BeforeValidator(_version_checked)
]


class ReceivedBody(WireModel):
    """The report is stored; this is the state of the job."""

    job_id: str
    state: State
