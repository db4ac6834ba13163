"""Calls about external jobs, whose drivers the client submits to the master itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from libra_provider.clients.artifact import Artifact
from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.problems import checked
from libra_provider.clients.libra.results import WrittenResult
from libra_provider.clients.libra.statements import status_from
from libra_provider.core.status import JobStatus

Key = tuple[str, str]  # the hash and the name of an artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Describes a job to Libra before its driver is submitted.

    ``returns``: the job must return a result, and fails without one. ``supervised``: the master
    restarts the driver when it fails.
    """

    kind: str
    artifacts: Sequence[Artifact]
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    result_limit: int | None = None
    result_path: str | None = None
    returns: bool = False
    supervised: bool = False

    def body(self) -> dict[str, Any]:
        """Return the JSON body, without the fields that are not set."""
        body = {
            "kind": self.kind,
            "description": self.description,
            "tags": dict(self.tags),
            "artifacts": [{"sha256": a.sha256, "name": a.name} for a in self.artifacts],
            "resultLimit": self.result_limit,
            "resultPath": self.result_path,
            "returns": self.returns,
            "supervised": self.supervised,
        }
        return {name: value for name, value in body.items() if value is not None}


@dataclass(frozen=True, slots=True)
class UploadUrls:
    """Where a driver downloads its files and uploads its result; each URL grants permission."""

    urls: Mapping[Key, str] = field(repr=False)
    result_url: str = field(repr=False)
    report_url: str = field(repr=False)

    def url(self, artifact: Artifact) -> str:
        """Return the URL from which to download *artifact*, one of those announced."""
        return self.urls[artifact.sha256, artifact.name]


def succeeded(tag: str, written: WrittenResult | None = None) -> Call[JobStatus]:
    """Report that the driver of job *tag* succeeded, and where it has *written* rows, if any.

    Returns the status of the job; one that has ended does not change.
    """
    body = written and {
        "uri": written.uri,
        "rowCount": written.rows,
        "bytes": written.bytes,
        "schema": written.schema,
    }
    return Call(
        method="POST",
        path=f"{_path(tag)}/succeeded",
        parse=status_from,
        json={"written": body},
        idempotent=True,
    )


def announce(tag: str, announcement: Announcement) -> Call[UploadUrls]:
    """Announce the job *tag*; a repeated announcement returns the same URLs."""
    expected = {(each.sha256, each.name) for each in announcement.artifacts}

    def parse(reply: Reply) -> UploadUrls:
        body = checked(reply).json_object()
        try:
            urls = {(a["sha256"], a["name"]): str(a["url"]) for a in body["artifacts"]}
            found = UploadUrls(urls, str(body["resultUrl"]), str(body["reportUrl"]))
        except (KeyError, TypeError) as error:
            raise reply.not_as_expected(f"the URLs of a job were expected ({error!r})") from error
        if not expected <= urls.keys():
            raise reply.not_as_expected("a URL for each artifact was expected")
        return found

    return Call(
        method="PUT",
        path=_path(tag),
        parse=parse,
        json=announcement.body(),
        idempotent=True,
    )


def _path(tag: str) -> str:
    return f"/api/v1/jobs/{quote(tag, safe='')}"
