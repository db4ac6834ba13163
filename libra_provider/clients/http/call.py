"""A request and the function that parses its response, independent of the transport."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from libra_provider.clients.http.content import Content
from libra_provider.core.errors import ProtocolError, ServerUnreachable
from libra_provider.core.masking import masked_text

T_co = TypeVar("T_co", covariant=True)
_SHOWN = 200  # characters of an unreadable reply that an error shows
_LOOKED_AT = 2**12  # bytes of it that are searched for them
_MOST = 2**26  # bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A response; ``server`` is its address, for messages; header names are in lower case."""

    server: str
    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray

    @property
    def text(self) -> str:
        """The body decoded as UTF-8; invalid bytes become replacement characters."""
        return self.body.decode("utf-8", errors="replace")

    def json_object(self, each: Callable[[dict[str, Any]], Any] | None = None) -> dict[str, Any]:
        """The body as a JSON object; raises ProtocolError for everything else.

        *each* converts every object while it is parsed, to save memory.
        """
        found = self._json(each)
        if not isinstance(found, dict):
            raise self.not_as_expected("expected a JSON object")
        return found

    def json_list(self) -> list[Any]:
        """The body as a JSON list; raises ProtocolError for everything else."""
        found = self._json()
        if not isinstance(found, list):
            raise self.not_as_expected("expected a JSON list")
        return found

    def _json(self, each: Callable[[dict[str, Any]], Any] | None = None) -> object:
        try:
            return json.loads(self.body, object_hook=each)
        except (ValueError, RecursionError):  # no JSON, or nested deeper than any real answer
            return None

    def not_as_expected(self, problem: str) -> ProtocolError:
        """A ProtocolError with the beginning of the body."""
        return ProtocolError(self.server, self.status, problem, self.start)

    def no_answer(self) -> ServerUnreachable:
        """The error for a 5xx of the server or of a proxy, which may be temporary."""
        problem = f"HTTP {self.status}, {self.start or 'without a body'}"
        return ServerUnreachable(self.server, problem, may_have_arrived=True)

    @property
    def start(self) -> str:
        """The first 200 characters of the body, on one line, printable and without secrets."""
        text = " ".join(self.body[:_LOOKED_AT].decode("utf-8", errors="replace").split())
        printable = "".join(each if each.isprintable() else "\ufffd" for each in text)
        return masked_text(printable)[:_SHOWN]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T_co]):
    """One request, and the pure function that reads its reply.

    The body is ``json`` or ``content``. ``timeout`` is in seconds and replaces the read timeout of
    the address, for long polls. ``parse`` raises ServerError for error responses; a response larger
    than ``most_bytes`` is not read. The body of a 200 goes into ``sink``, in chunks, if there is
    one. ``idempotent``: sending it twice has the same effect as once; every GET is idempotent.
    """

    method: str
    path: str
    parse: Callable[[Reply], T_co]
    json: Mapping[str, Any] | None = None
    content: Content | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    timeout: float | None = None
    most_bytes: int = _MOST
    sink: Callable[[bytes], object] | None = None
    idempotent: bool = False

    @property
    def is_idempotent(self) -> bool:
        """Whether a second server may get the request although the first may have received it."""
        return self.idempotent or self.method == "GET"

    def body(self) -> bytes | Content | None:
        """The body as it is sent."""
        if self.json is not None:
            return json.dumps(self.json).encode()
        # An empty body is not streamed: requests would send both chunks and a length.
        return self.content if self.content is None or self.content.size else b""

    def all_headers(self, authorization: str | None) -> dict[str, str]:
        """All headers of the request except those of the connection."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **self.headers}
        if self.json is not None:
            headers["Content-Type"] = "application/json"
        if self.content is not None:
            headers["Content-Type"] = "application/octet-stream"
            headers["Content-Length"] = str(self.content.size)
        if authorization:
            headers["Authorization"] = authorization
        return headers
