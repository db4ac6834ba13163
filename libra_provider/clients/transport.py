"""The only place that talks to the network, and the only one where foreign errors become ours."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
import requests

from libra_provider.clients.call import Call, Reply
from libra_provider.core.errors import BadInput, ServerUnreachable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A fixed token; it never shows in ``repr``."""

    token: str | None = field(repr=False)

    def __call__(self) -> str | None:
        """``Bearer TOKEN``, or None where there is no token."""
        return f"Bearer {self.token}" if self.token else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where a server is and how to speak to it; timeouts in seconds.

    ``verify`` is True, False, or the path of a file with the certificates to trust.
    """

    url: str
    authorization: Callable[[], str | None] = field(default=BearerToken(None))
    verify: bool | str = True
    connect_timeout: float = 5.0
    read_timeout: float = 30.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput("url", self.url, "it looks like http://host:port or https://host:port")
        object.__setattr__(self, "url", self.url.rstrip("/"))


class Transport:
    """Sends calls to one server, over connections that it keeps; close it when done."""

    def __init__(self, address: ServerAddress) -> None:
        self.address = address
        self._session: requests.Session | None = None
        self._asession: aiohttp.ClientSession | None = None

    def send(self, call: Call[T]) -> T:
        """The answer to *call*; raises ServerError."""
        address = self.address
        try:
            answer = self._requests_session().request(
                call.method,
                address.url + call.path,
                params=dict(call.query),
                data=call.body(),
                headers=call.all_headers(address.authorization()),
                timeout=(address.connect_timeout, call.timeout or address.read_timeout),
                verify=address.verify,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise _unreachable(address.url, error) from error
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return call.parse(Reply(address.url, answer.status_code, headers, answer.content))

    async def asend(self, call: Call[T]) -> T:
        """Answer *call* without blocking the event loop; raises ServerError."""
        address = self.address
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=address.connect_timeout,
            sock_read=call.timeout or address.read_timeout,
        )
        try:
            async with self._aiohttp_session().request(
                call.method,
                address.url + call.path,
                params=dict(call.query),
                data=call.body(),
                headers=call.all_headers(address.authorization()),
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(address.url, error) from error
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return call.parse(Reply(address.url, answer.status, headers, body))

    def close(self) -> None:
        """Give the blocking connections back."""
        if self._session:
            self._session.close()
            self._session = None

    async def aclose(self) -> None:
        """Give the connections of the event loop back."""
        if self._asession:
            await self._asession.close()
            self._asession = None

    def _requests_session(self) -> requests.Session:
        if self._session is None:
            self._session = requests.Session()
            # Without an auth of its own, requests lets ~/.netrc replace our Authorization header.
            self._session.auth = lambda request: request
        return self._session

    def _aiohttp_session(self) -> aiohttp.ClientSession:
        if self._asession is None:
            connector = aiohttp.TCPConnector(ssl=_ssl_of(self.address.verify))
            self._asession = aiohttp.ClientSession(connector=connector)
        return self._asession


def _ssl_of(verify: bool | str) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify


_HUNG_UP = (
    "it closed the connection without an answer, as a port that does not speak HTTP does; "
    "check the port"
)
# The first class that fits wins, so the most specific stand first: what happened, and whether the
# server may have seen the request all the same.
_FOREIGN_ERRORS: tuple[tuple[type[Exception], str, bool], ...] = (
    (
        requests.exceptions.SSLError,
        "TLS failed ({why}); check the schema (http or https) and verify of the connection",
        False,
    ),
    (requests.exceptions.ProxyError, "the proxy of the environment failed ({why})", False),
    (requests.exceptions.ConnectTimeout, "the connection timed out; check host and port", False),
    (requests.exceptions.ReadTimeout, "it took the request and did not answer in time", True),
    (requests.exceptions.ConnectionError, "{why}", True),
    (requests.exceptions.ChunkedEncodingError, "the connection broke in its answer", True),
    (requests.exceptions.RequestException, "{why}", True),
    (
        aiohttp.ClientConnectorCertificateError,
        "TLS failed ({why}); check verify of the connection",
        False,
    ),
    (
        aiohttp.ClientSSLError,
        "TLS failed ({why}); check the schema (http or https) and verify of the connection",
        False,
    ),
    (aiohttp.ConnectionTimeoutError, "the connection timed out; check host and port", False),
    (aiohttp.ClientConnectorError, "{why}", False),
    (TimeoutError, "it took the request and did not answer in time", True),
    (aiohttp.ClientError, "{why}", True),
    (OSError, "{why}", True),
)
# What hides at the bottom of the errors above, and says more than they do.
_ROOT_CAUSES: tuple[tuple[type[Exception], str, bool], ...] = (
    (
        ConnectionRefusedError,
        "nothing listens there; check host and port, and that it is started",
        False,
    ),
    (socket.gaierror, "its name does not resolve; check the host", False),
    (http.client.RemoteDisconnected, _HUNG_UP, True),
    (aiohttp.ServerDisconnectedError, _HUNG_UP, True),
)


def _unreachable(server: str, error: Exception) -> ServerUnreachable:
    causes = list(_causes(error))
    for kind, problem, arrived in _ROOT_CAUSES:
        if any(isinstance(cause, kind) for cause in causes):
            return ServerUnreachable(server, problem, may_have_arrived=arrived)
    problem, arrived = next((p, a) for kind, p, a in _FOREIGN_ERRORS if isinstance(error, kind))
    why = str(causes[-1]) or type(error).__name__
    return ServerUnreachable(server, problem.format(why=why), may_have_arrived=arrived)


def _causes(error: BaseException) -> list[BaseException]:
    """*error* and what lies below it; urllib3 keeps its reason in ``args`` and ``reason``."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        each = todo.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            below = (getattr(each, "reason", None), each.__cause__, each.__context__, *each.args)
            todo.extend(below)
    return found
