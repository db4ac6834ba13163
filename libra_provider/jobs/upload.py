"""Uploads from a driver to Libra's signed URLs, repeated while the network or Libra is away."""

from __future__ import annotations

import json
import time
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from libra_provider.jobs.bootstrap import is_final, tls_context, without_signature
from libra_provider.jobs.timing import UploadTiming

_LONGEST_PROBLEM = 2000
_DEFAULT = UploadTiming()


class UploadFailed(Exception):
    """Libra did not accept an upload; *status* is HTTP's, or None if it did not respond.

    ``is_final``: another attempt would fail, too.
    """

    def __init__(self, problem: str, status: int | None = None, *, is_final: bool = False) -> None:
        super().__init__(problem, status)
        self.problem = problem
        self.status = status
        self.is_final = is_final

    def __str__(self) -> str:
        return self.problem


class Uploader:
    """Sends to signed URLs; *ca*: certificates (PEM) to trust as well as the machine's."""

    def __init__(self, ca: str | None = None, timing: UploadTiming = _DEFAULT) -> None:
        self._ca, self._timing = ca, timing

    def send(self, method: str, url: str, body: bytes, *, content_type: str, within: float) -> None:
        """Send *body*, with further attempts for *within* seconds; raises UploadFailed."""
        ends_at, pause = time.monotonic() + within, self._timing.pause
        while True:
            left = ends_at - time.monotonic()
            try:
                request = Request(url, body, method=method)  # noqa: S310 - Libra's URL
                return self._once(request, content_type, left)
            # http.client has errors that are no OSError.
            except Exception as error:
                if is_final(error) or time.monotonic() + pause > ends_at:
                    raise _failure(url, error) from error
            time.sleep(pause)
            pause = min(2 * pause, self._timing.longest_pause)

    def _once(self, request: Request, content_type: str, left: float) -> None:
        request.add_header("Content-Type", content_type)
        trust = tls_context(self._ca) if request.type == "https" else None
        timeout = min(self._timing.silence, max(left, 1.0))
        with urlopen(request, timeout=timeout, context=trust) as answer:  # noqa: S310 - Libra's URL
            answer.read()


def _failure(url: str, error: Exception) -> UploadFailed:
    final = is_final(error)
    if isinstance(error, HTTPError):
        problem = f"Libra responded with HTTP {error.code}: {_problem(error)}"
        return UploadFailed(problem, error.code, is_final=final)
    why = error.reason if isinstance(error, URLError) else error
    return UploadFailed(
        f"no response from {without_signature(url)}: {why or type(error).__name__}", is_final=final
    )


def _problem(error: HTTPError) -> str:
    """Return the sentence of a problem document, or whatever else the response contains."""
    try:
        body = error.read(_LONGEST_PROBLEM).decode(errors="replace")
        return str(json.loads(body)["detail"])
    except (ValueError, LookupError, TypeError):
        return body or str(error.reason)
    except OSError:
        return str(error.reason)
