"""Translates Libra's error responses into exceptions."""

from __future__ import annotations

import re

from libra_provider.clients.http.call import Reply
from libra_provider.core.errors import AccessDenied, Rejected, ServerBusy, ServerError

_LATER = (408, 429, 503)  # temporary; 408 means that the upload was too slow
_FULL = 507  # not temporary: somebody has to free disk space


def checked(reply: Reply) -> Reply:
    """*reply* if it is an answer; raises the ServerError that its status stands for."""
    if 200 <= reply.status < 300:
        return reply
    raise _error_of(reply)


def is_unknown(reply: Reply) -> bool:
    """Whether Libra itself reports that the id is unknown; a 404 from a proxy does not count."""
    return reply.status == 404 and is_problem(reply)


def problem(reply: Reply) -> str:
    """The detail of a problem document (RFC 9457), or an empty string.

    A response to HEAD has no body.
    """
    if not is_problem(reply) or not reply.body:
        return ""
    found = reply.json_object()
    return str(found.get("detail") or found.get("title") or "")


def _error_of(reply: Reply) -> ServerError:
    if reply.status in (401, 403):
        advice = (
            f"{problem(reply)} Set the connection's password to the token of this Libra; "
            "on the command line, LIBRA_TOKEN."
        )
        return AccessDenied(reply.server, reply.status, advice)
    if reply.status in _LATER and is_problem(reply):
        return ServerBusy(reply.server, problem(reply), _retry_after(reply))
    if (400 <= reply.status < 500 or reply.status == _FULL) and is_problem(reply):
        return Rejected(reply.server, reply.status, problem(reply))
    if reply.status >= 500:
        return reply.no_answer()
    return reply.not_as_expected("this is not a response from Libra; check host, port and proxies")


def is_problem(reply: Reply) -> bool:
    """Whether *reply* is a problem document (RFC 9457); Libra sends them, Spark does not."""
    return reply.headers.get("content-type", "").startswith("application/problem+json")


def _retry_after(reply: Reply) -> float:
    """The Retry-After header in seconds, at most 60; 1 if it is missing or not a number."""
    text = reply.headers.get("retry-after", "")
    return min(float(text), 60.0) if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) else 1.0
