"""Sends calls with requests and aiohttp, and translates their errors into ours."""

from __future__ import annotations

import http.client
import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.tls import checked, tls_context
from libra_provider.core.errors import BadInput, LibraError, ProtocolError, ServerUnreachable

T = TypeVar("T")


_CHUNK = 2**16  # bytes
# The read timeout limits the wait for each chunk; this many of them limit the whole response.
_TIMEOUTS_PER_RESPONSE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """The URL of a server, its credentials and timeouts in seconds.

    ``verify`` is True, False or the path of a file with the certificates to trust. Raises BadInput
    for an invalid URL or a missing file.
    """

    url: str
    authorization: Callable[[], str | None] = field(default=BearerToken(None))
    verify: bool | str = True
    connect_timeout: float = 5.0
    read_timeout: float = 30.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput("url", self.url, "expected http://host:port or https://host:port")
        object.__setattr__(self, "url", self.url.rstrip("/"))
        checked(self.verify)

    @property
    def is_tls(self) -> bool:
        """Whether the connection uses TLS."""
        return self.url.startswith("https:")


class Transport:
    """Sends calls to one server over reused connections; close it when done."""

    def __init__(self, address: ServerAddress) -> None:
        self.address = address
        self._session: requests.Session | None = None
        self._asession: aiohttp.ClientSession | None = None

    def send(self, call: Call[T]) -> T:
        """Send *call*; raises ServerError."""
        address, whole = self.address, _Response(self.address, call)
        try:
            with self._requests_session().request(
                call.method,
                address.url + call.path,
                params=dict(call.query),
                data=call.body(),
                headers=call.all_headers(address.authorization()),
                timeout=(address.connect_timeout, whole.timeout),
                proxies=self._proxies,
                allow_redirects=False,
                stream=True,
            ) as answer:
                for piece in _pieces(answer.raw):
                    whole.took(piece, answer.status_code)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _ours(address.url, error) from error
        return call.parse(whole.reply(answer.status_code, answer.headers.items()))

    async def asend(self, call: Call[T]) -> T:
        """Send *call* without blocking the event loop; raises ServerError."""
        address, whole = self.address, _Response(self.address, call)
        timeout = aiohttp.ClientTimeout(
            total=whole.longest,
            sock_connect=address.connect_timeout,
            sock_read=whole.timeout,
        )
        try:
            async with self._aiohttp_session().request(
                call.method,
                address.url + call.path,
                params=dict(call.query),
                data=call.body(),
                headers=call.all_headers(address.authorization()),
                timeout=timeout,
                proxy=select_proxy(address.url, self._proxies),
                allow_redirects=False,
            ) as answer:
                async for piece in answer.content.iter_any():
                    whole.took(piece, answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _ours(address.url, error) from error
        return call.parse(whole.reply(answer.status, answer.headers.items()))

    def close(self) -> None:
        """Close the blocking connections."""
        if self._session:
            self._session.close()
            self._session = None

    async def aclose(self) -> None:
        """Close the connections of the event loop."""
        if self._asession:
            await self._asession.close()
            self._asession = None

    @cached_property
    def _proxies(self) -> dict[str, str]:
        """The proxies that the environment sets for this server, for sync and async."""
        return dict(get_environ_proxies(self.address.url))

    def _requests_session(self) -> requests.Session:
        if self._session is None:
            self._session = requests.Session()
            # By default, requests lets ~/.netrc replace our Authorization header, and
            # REQUESTS_CA_BUNDLE our choice of CAs.
            self._session.trust_env = False
            if self.address.is_tls:
                self._session.mount("https://", _Trusting(self.address.verify))
        return self._session

    def _aiohttp_session(self) -> aiohttp.ClientSession:
        if self._asession is None:
            tls = tls_context(self.address.verify) if self.address.is_tls else True
            connector = aiohttp.TCPConnector(ssl=tls)
            self._asession = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._asession


class _Trusting(HTTPAdapter):
    """Trusts the same CAs as aiohttp; by default, requests brings its own."""

    def __init__(self, verify: bool | str) -> None:
        self._context = tls_context(verify)
        self._verify = verify is not False
        if not self._verify:
            # The user chose this; urllib3 would warn on each request.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, **kwargs, ssl_context=self._context)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        return super().send(*args, **{**kwargs, "verify": self._verify})

    def cert_verify(self, *_: object, **__: object) -> None:
        """Add no CAs: the context has them."""


class _Response:
    """A response while it arrives, limited in size and, for slow ones, in total time."""

    def __init__(self, address: ServerAddress, call: Call[Any]) -> None:
        self.timeout = call.timeout or address.read_timeout
        self._server, self._most, self._sink = address.url, call.most_bytes, call.sink
        sent_after = call.content.longest if call.content else 0.0
        self.longest = sent_after + self.timeout * _TIMEOUTS_PER_RESPONSE
        self._gives_up_at = time.monotonic() + self.longest
        self._size, self._body = 0, bytearray()

    def took(self, piece: bytes, status: int) -> None:
        """Add *piece*; raises ProtocolError if it is too much, TimeoutError if it is too late."""
        self._size += len(piece)
        if self._size > self._most:
            problem = f"the response is larger than the limit of {self._most} bytes"
            raise ProtocolError(self._server, status, problem)
        if time.monotonic() > self._gives_up_at:
            raise TimeoutError
        if self._sink and status == 200:
            self._sink(piece)
        else:
            self._body += piece

    def reply(self, status: int, headers: Any) -> Reply:
        """The complete response."""
        lower = {name.lower(): value for name, value in headers}
        return Reply(self._server, status, lower, self._body)


def _pieces(raw: urllib3.HTTPResponse) -> Iterator[bytes]:
    """The chunks of the body as they arrive; compressed ones are not decoded."""
    while piece := raw.read1(_CHUNK, decode_content=False):
        yield piece


_HUNG_UP = (
    "the connection was closed without a response, as by a port that does not speak HTTP; "
    "check the port"
)
# The first matching class wins, so the most specific come first: what happened, and whether the
# server may have received the request anyway.
_FOREIGN_ERRORS: tuple[tuple[type[Exception], str, bool], ...] = (
    # It may have failed after the handshake as well.
    (
        requests.exceptions.SSLError,
        "TLS failed ({why}); check the schema (http or https) and verify of the connection",
        True,
    ),
    (requests.exceptions.ConnectTimeout, "the connection timed out; check host and port", False),
    (requests.exceptions.ReadTimeout, "the request was sent, but the response timed out", True),
    (requests.exceptions.ConnectionError, "{why}", True),
    (requests.exceptions.ChunkedEncodingError, "the connection broke during the response", True),
    (requests.exceptions.RequestException, "{why}", True),
    (
        aiohttp.ClientSSLError,
        "TLS failed ({why}); check the schema (http or https) and verify of the connection",
        False,
    ),
    (aiohttp.ConnectionTimeoutError, "the connection timed out; check host and port", False),
    (aiohttp.ClientConnectorError, "{why}", False),
    (TimeoutError, "the request was sent, but the response timed out", True),
    (aiohttp.ClientPayloadError, "the connection broke during the response", True),
    (aiohttp.ClientError, "{why}", True),
    (urllib3.exceptions.TimeoutError, "the request was sent, but the response timed out", True),
    (urllib3.exceptions.HTTPError, "the connection broke during the response", True),
    (OSError, "{why}", True),
)
# Root causes of the errors above, which are more specific.
_PROXY = "the proxy set in the environment (HTTP_PROXY, HTTPS_PROXY) failed ({why})"
_ROOT_CAUSES: tuple[tuple[type[Exception], str, bool], ...] = (
    (requests.exceptions.ProxyError, _PROXY, False),
    (aiohttp.ClientProxyConnectionError, _PROXY, False),
    (aiohttp.ClientHttpProxyError, _PROXY, False),
    (
        ssl.SSLCertVerificationError,
        "the server's certificate is not trusted ({why}); set verify to the file of its CA",
        False,
    ),
    (
        ConnectionRefusedError,
        "connection refused; check host and port, and that the server is running",
        False,
    ),
    (socket.gaierror, "cannot resolve the host name; check the host", False),
    (http.client.RemoteDisconnected, _HUNG_UP, True),
    (aiohttp.ServerDisconnectedError, _HUNG_UP, True),
)


def _ours(server: str, error: Exception) -> LibraError:
    """*error* as one of our errors; one that a body generator raised is kept as it is."""
    causes = _causes(error)
    raised = next((each for each in causes if isinstance(each, LibraError)), None)
    return raised or _unreachable(server, error, causes)


def _unreachable(server: str, error: Exception, causes: list[BaseException]) -> ServerUnreachable:
    why = str(causes[-1]) or type(error).__name__
    roots = ((p, a) for kind, p, a in _ROOT_CAUSES if any(isinstance(c, kind) for c in causes))
    outer = ((p, a) for kind, p, a in _FOREIGN_ERRORS if isinstance(error, kind))
    problem, arrived = next(itertools.chain(roots, outer))
    return ServerUnreachable(server, problem.format(why=why), may_have_arrived=arrived)


def _causes(error: BaseException) -> list[BaseException]:
    """*error* and its causes; urllib3 keeps its own in ``args`` and ``reason``."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        each = todo.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            below = (getattr(each, "reason", None), each.__cause__, each.__context__, *each.args)
            todo.extend(below)
    return found
