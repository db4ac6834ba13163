"""A GET request to a server on this machine that may not be running yet."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


def fetch(url: str, *, timeout: float = 2.0) -> tuple[int, bytes] | None:
    """Return status and body of a GET, or None without a complete response in time."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/")
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def fetch_json(url: str, *, timeout: float = 2.0) -> dict[str, Any]:
    """Return the JSON object of a GET with status 200, or an empty one."""
    answer = fetch(url, timeout=timeout)
    if answer is None or answer[0] != 200:
        return {}
    try:
        found = json.loads(answer[1])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
