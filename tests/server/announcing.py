"""A job that somebody else runs: its submitter's and its driver's side of Libra's API."""

from __future__ import annotations

import io
import json
from typing import Any, Protocol
from urllib.parse import urlsplit

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import requests

from libra_provider.core.job import new_tag

ARROW = "application/vnd.apache.arrow.stream"
SCHEMA = {
    "type": "struct",
    "fields": [{"name": "n", "type": "long", "nullable": True, "metadata": {}}],
}
FIRST, SECOND, THIRD = "a1", "b2", "c3"


class Api(Protocol):
    def request(self, verb: str, path: str, **how: Any) -> requests.Response: ...


def stream(*batches: list[int], schema: object = SCHEMA, **options: Any) -> bytes:
    """Numbers as an Arrow stream, a batch for each list."""
    kind = pa.schema([("n", pa.int64())], metadata={"spark_schema": json.dumps(schema)})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, kind, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for numbers in batches:
            writer.write_batch(pa.record_batch([pa.array(numbers, pa.int64())], schema=kind))
    return sink.getvalue()


class AnnouncedJob:
    """One announced job; its methods are requests."""

    def __init__(self, api: Api, **body: Any) -> None:
        self._api = api
        self.tag = new_tag()
        self.reply = self.announce(**body)
        self.given: dict[str, Any] = self.reply.json()

    def moved_to(self, api: Api) -> None:
        """Libra was started again: its address is another one here, the paths stay."""
        self._api = api

    def announce(self, **body: Any) -> requests.Response:
        job = {"kind": "python-file", **body}
        return self._api.request("PUT", f"/api/v1/jobs/{self.tag}", json=job)

    @property
    def result_url(self) -> str:
        """With the version that every upload names."""
        return f"{self.given['resultUrl']}?version=1"

    def started(self, attempt: str = FIRST, **where: Any) -> requests.Response:
        return self.report(event="started", attempt=attempt, **where)

    def ended(self, attempt: str = FIRST, state: str = "SUCCESS", **how: Any) -> requests.Response:
        return self.report(event="ended", attempt=attempt, state=state, **how)

    def report(self, **body: Any) -> requests.Response:
        path = urlsplit(self.given["reportUrl"]).path
        return self._api.request("POST", path, json={"version": 1, **body})

    def rows(self, *numbers: int, attempt: str | None = None) -> requests.Response:
        return self.upload(stream(list(numbers)), attempt=attempt)

    def upload(
        self, body: Any, media_type: str = ARROW, *, attempt: str | None = None
    ) -> requests.Response:
        at = urlsplit(self.result_url)
        path = f"{at.path}?{at.query}" + (f"&attempt={attempt}" if attempt else "")
        return self._api.request("PUT", path, data=body, headers={"Content-Type": media_type})

    def json(self, body: object) -> requests.Response:
        return self.upload(json.dumps(body), "application/json")

    def succeeded(self, written: object = None) -> requests.Response:
        path = f"/api/v1/jobs/{self.tag}/succeeded"
        return self._api.request("POST", path, json={"written": written})

    def kill(self) -> requests.Response:
        return self._api.request("DELETE", f"/api/v1/statements/{self.tag}")

    def status(self, wait: int = 0) -> dict[str, Any]:
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        reply = self._api.request("GET", f"/api/v1/statements/{self.tag}", headers=headers)
        found: dict[str, Any] = reply.json()
        return found

    def result(self, **how: Any) -> requests.Response:
        return self._api.request("GET", f"/api/v1/statements/{self.tag}/result", **how)
