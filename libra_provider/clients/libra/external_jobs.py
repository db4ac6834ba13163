"""A job that a master runs and Libra knows of, as a call: files out, receipt and result back."""

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
    """What Libra is told of a job before its driver is asked for.

    ``returns``: a result is promised, so an end without one is a failure. ``supervised``: the
    master starts it again when it fails.
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
        """It on the wire; what was not given is left out."""
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
    """Where a driver finds its files, and hands in; whoever has such a URL may do what it names."""

    urls: Mapping[Key, str] = field(repr=False)
    result_url: str = field(repr=False)
    report_url: str = field(repr=False)

    def url(self, artifact: Artifact) -> str:
        """Where *artifact*, one of the announced, is fetched."""
        return self.urls[artifact.sha256, artifact.name]


def succeeded(tag: str, written: WrittenResult | None = None) -> Call[JobStatus]:
    """Say that the driver of job *tag* ended well, and where it says that it has *written* rows.

    The answer is where the job stands; one that is over stays as it is.
    """
    told = written and {
        "uri": written.uri,
        "rowCount": written.rows,
        "bytes": written.bytes,
        "schema": written.schema,
    }
    return Call(
        method="POST",
        path=f"{_path(tag)}/succeeded",
        parse=status_from,
        json={"written": told},
        idempotent=True,
    )


def announce(tag: str, announcement: Announcement) -> Call[UploadUrls]:
    """Tell Libra of the job *tag*; the same again gives the same URLs."""
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
