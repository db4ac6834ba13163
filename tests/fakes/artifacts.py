"""What a Libra does for jobs whose drivers others start: it stores files and job reports."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.server import Answer, Request

SIGNATURE = f"1799999999.{'5' * 64}"


@dataclass
class FakeStore:
    """``kept`` are the bytes of artifacts by ``sha256/name``, ``announced`` the bodies by tag."""

    problem: Callable[[int, str], Answer]
    kept: dict[str, bytes] = field(default_factory=dict)
    announced: dict[str, Any] = field(default_factory=dict)

    def artifact(self, request: Request, sha256: str, name: str) -> Answer:
        path = f"{sha256}/{name}"
        if request.method == "HEAD":
            return Answer() if path in self.kept else self.problem(404, "It is not here.")
        if request.method != "PUT":
            return self.problem(405, "Neither HEAD nor PUT.")
        if hashlib.sha256(request.body).hexdigest() != sha256:
            return self.problem(400, "Its bytes have another hash.")
        status = 200 if path in self.kept else 201
        self.kept[path] = request.body
        body = {"sha256": sha256, "name": name, "size": len(request.body)}
        return Answer(status, body)

    def announce(self, request: Request, tag: str, url: str) -> Answer:
        body = request.json()
        if self.announced.get(tag, body) != body:
            return self.problem(409, f"Job {tag} was announced with another body.")
        names = [f"{each['sha256']}/{each['name']}" for each in body["artifacts"]]
        if missing := [name for name in names if name not in self.kept]:
            return self.problem(409, f"There is no artifact {missing[0]}.")
        status = 200 if tag in self.announced else 201
        self.announced[tag] = body
        artifacts = [
            {**each, "url": f"{url}/artifacts/{SIGNATURE}/{name}"}
            for each, name in zip(body["artifacts"], names, strict=True)
        ]
        urls = {f"{each}Url": f"{url}/{each}s/{SIGNATURE}/{tag}" for each in ("result", "report")}
        return Answer(status, {"jobId": tag, "artifacts": artifacts, **urls})

    def content(self, url: str) -> bytes:
        """The bytes to which a signed URL leads."""
        _, signature, path = url.partition(f"/artifacts/{SIGNATURE}/")
        assert signature, url
        return self.kept[path.partition("#")[0]]
