"""Libra's answers that carry none: what their status and problem document mean."""

from __future__ import annotations

import re

from libra_provider.clients.http.call import Reply
from libra_provider.core.errors import AccessDenied, Rejected, ServerBusy, ServerError

_LATER = (408, 429, 503)  # a body that came too slowly may come faster next time
_FULL = 507  # people have to make room


def checked(reply: Reply) -> Reply:
    """*reply* if it is an answer; raises the ServerError that its status stands for."""
    if 200 <= reply.status < 300:
        return reply
    raise _error_of(reply)


def is_unknown(reply: Reply) -> bool:
    """Whether Libra itself says that there is nothing of that id; a proxy's 404 says nothing."""
    return reply.status == 404 and is_problem(reply)


def problem(reply: Reply) -> str:
    """The sentence of a problem document (RFC 9457); empty where there is none.

    An answer to HEAD has its head only.
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
    return reply.not_as_expected("this is not an answer of Libra; check host, port and proxies")


def is_problem(reply: Reply) -> bool:
    """Whether it is a problem document (RFC 9457), which Libra sends and no Spark does."""
    return reply.headers.get("content-type", "").startswith("application/problem+json")


def _retry_after(reply: Reply) -> float:
    """Seconds; what a server says beyond a minute, or instead of a number, is not waited for."""
    text = reply.headers.get("retry-after", "")
    return min(float(text), 60.0) if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) else 1.0
