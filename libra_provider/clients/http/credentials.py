"""Credentials of requests, and a warning for servers that require none."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import logging
import re
import socket
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from libra_provider.core.errors import BadInput
from libra_provider.core.masking import MASK

log = logging.getLogger(__name__)
_LEAST_KEY = 32  # bytes, RFC 7518 3.2; Spark's filter rejects shorter ones, too
# Long enough for clock skew, short enough that a stolen signature soon expires.
_VALID_FOR = 600  # seconds


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A fixed token, hidden from ``repr``."""

    token: str | None = field(repr=False)

    def __call__(self) -> str | None:
        """``Bearer TOKEN``, or None without a token."""
        return f"Bearer {self.token}" if self.token else None


@dataclass(frozen=True, slots=True)
class JwsSecret:
    """Signs each request (JWS, HS256), as org.apache.spark.ui.JWSFilter requires.

    *secret* is the master's key in base64url. Raises BadInput, without the secret, if it is shorter
    than 32 bytes; *parameter* is its name in that error.
    """

    secret: str = field(repr=False)
    parameter: str = "password"

    def __post_init__(self) -> None:
        if len(_key(self.secret)) < _LEAST_KEY:
            expected = (
                "expected at least 32 bytes in base64url, the same as "
                "spark.org.apache.spark.ui.JWSFilter.param.secretKey of the master"
            )
            raise BadInput(self.parameter, MASK, expected)

    def __call__(self) -> str:
        """``Bearer JWS``, valid for ten minutes."""
        now = int(time.time())
        head, claims = {"alg": "HS256"}, {"iat": now, "exp": now + _VALID_FOR}
        signed = b".".join(_base64url(json.dumps(part).encode()) for part in (head, claims))
        signature = hmac.new(_key(self.secret), signed, hashlib.sha256).digest()
        return f"Bearer {(signed + b'.' + _base64url(signature)).decode()}"


def jws(secret: str | None, *, parameter: str = "password") -> JwsSecret | BearerToken:
    """The authorization for *secret*, which may be None."""
    return JwsSecret(secret, parameter) if secret else BearerToken(None)


def _key(secret: str) -> bytes:
    """The bytes of *secret*, or none if it is not base64url."""
    text = secret.rstrip("=")
    # b64decode skips invalid characters and would turn a typo into a different key.
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        return b""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return b""


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


_warned: set[str] = set()


def warn_of_open_master(url: str) -> None:
    """Warn, once per process and address, that anyone who reaches *url* can run code."""
    if url in _warned or _is_loopback(urlsplit(url).hostname or ""):
        return
    _warned.add(url)
    log.warning(
        "%s accepts submissions without authentication: anyone who can reach it can run code on "
        "the cluster. Set spark.master.rest.filters=org.apache.spark.ui.JWSFilter and its "
        "secretKey on the master, and the same key as the connection's password",
        url,
    )


def _is_loopback(host: str) -> bool:
    try:
        found = {each[4][0] for each in socket.getaddrinfo(host, None)}
    except OSError:
        # A name that only a proxy can resolve.
        return False
    return all(ipaddress.ip_address(str(each).partition("%")[0]).is_loopback for each in found)
