"""An HTTP server on a real loopback port whose answers a test decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fakes.listening import Listening


@dataclass(frozen=True)
class Request:
    """What a client sent; header names lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What the fake sends back; ``hang_up`` closes the connection instead."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False

    def sent(self) -> tuple[bytes, dict[str, str]]:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if isinstance(self.body, bytes | str):
            body = self.body.encode() if isinstance(self.body, str) else self.body
            return body, {"content-type": "text/html"} | headers
        return json.dumps(self.body).encode(), {"content-type": "application/json"} | headers


class FakeServer(Listening):
    """Answers each request with *answer*, and remembers the requests; a context manager."""

    def __init__(self, answer: Callable[[Request], Answer] | None = None) -> None:
        self.requests: list[Request] = []
        if answer is not None:
            self.answer = answer  # type: ignore[method-assign, assignment]  # a test's function is its answer
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one packet; in two, each answer waits 40 ms for an acknowledgement.
            wbufsize = -1

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, body)
                fake.requests.append(request)
                answer = fake.answer(request)
                if answer.hang_up:
                    self.close_connection = True
                    return
                content, answer_headers = answer.sent()
                self.send_response(answer.status)
                for name, value in answer_headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any  # noqa: N815 - as http.server wants

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))

    def answer(self, request: Request) -> Answer:
        """The answer to *request*; subclasses speak a protocol here."""
        raise NotImplementedError(request.path)
