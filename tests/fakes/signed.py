"""The signed endpoints of a Libra that drivers talk to: artifacts, results, reports."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import Any
from urllib.parse import quote

from libra_provider.clients import runtime_zip
from libra_provider.clients.libra.shipment import VERSION
from tests.fakes.server import Answer, FakeServer, Request

SIGNATURE = f"1799999999.{'5' * 64}"


class SignedEndpoints(FakeServer):
    """Serves what :meth:`keep` was given, and stores ``results`` and ``reports``.

    ``away``: how many of the next requests for a purpose find nobody; ``refusals``: what is said
    instead.
    """

    def __init__(self) -> None:
        super().__init__()
        self.artifacts: dict[str, bytes] = {}
        self.results: list[Request] = []
        self.reports: list[dict[str, Any]] = []
        self.away = dict.fromkeys(("artifacts", "results", "reports"), 0)
        self.refusals: dict[str, Answer] = {}
        self._lock = threading.Lock()
        self.public_url = self.url

    def keep(self, name: str, content: bytes | str) -> str:
        """The signed URL of an artifact."""
        content = content.encode() if isinstance(content, str) else content
        path = f"{hashlib.sha256(content).hexdigest()}/{quote(name)}"
        self.artifacts[path] = content
        return f"{self.public_url}/artifacts/{SIGNATURE}/{path}"

    def order(self, tag: str, **fields: Any) -> str:
        """LIBRA_JOB, for a job that this Libra knows."""
        ours = runtime_zip.runtime_zip()
        order = {
            "version": VERSION,
            "tag": tag,
            "kind": "python-file",
            "runtime": self.keep(ours.name, ours.content),
            "result_url": f"{self.public_url}/results/{SIGNATURE}/{tag}",
            "report_url": f"{self.public_url}/reports/{SIGNATURE}/{tag}",
            "returns": False,
            "ca": None,
        }
        return json.dumps(order | fields)

    def events(self, name: str) -> list[dict[str, Any]]:
        """What was reported under that name."""
        return [each for each in self.reports if each["event"] == name]

    @property
    def result(self) -> Any:
        """The JSON that was uploaded, once."""
        [request] = self.results
        return request.json()

    def answer(self, request: Request) -> Answer:
        """As the contract has it."""
        with self._lock:
            purpose = request.path.split("/")[1]
            if self.away[purpose]:
                self.away[purpose] -= 1
                # As what a Libra that restarts, and a proxy before it, look like.
                return Answer(503, "away", hang_up=self.away[purpose] % 2 == 0)
            if purpose in self.refusals:
                return self.refusals[purpose]
            answers = {"artifacts": self._artifacts, "results": self._take, "reports": self._hear}
            return answers[purpose](request)

    def _artifacts(self, request: Request) -> Answer:
        content = self.artifacts.get("/".join(request.path.split("/")[3:]))
        return Answer(404) if content is None else Answer(body=content)

    def _take(self, request: Request) -> Answer:
        self.results.append(request)
        return Answer()

    def _hear(self, request: Request) -> Answer:
        self.reports.append(request.json())
        return Answer()
