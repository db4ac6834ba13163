"""The line from a driver to Libra: its signed URLs, over whatever happens to a network."""

from __future__ import annotations

import json
import time
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from libra_provider.jobs.bootstrap import is_final, shown, trusting

_SILENCE = 60.0  # seconds in which Libra may say nothing; it checks what it takes
_PAUSE = 0.5  # seconds after the first failure, twice as many after each further one
_LONGEST_PAUSE = 8.0
_LONGEST_PROBLEM = 2000


class UploadFailed(Exception):
    """Libra did not take what it was sent; *status* is None when it did not answer.

    ``is_final``: nor will it later.
    """

    def __init__(self, problem: str, status: int | None = None, *, is_final: bool = False) -> None:
        super().__init__(problem, status)
        self.problem = problem
        self.status = status
        self.is_final = is_final

    def __str__(self) -> str:
        return self.problem


class Uploader:
    """Sends to signed URLs; *ca* are certificates (PEM) to believe instead of the machine's."""

    def __init__(self, ca: str | None = None) -> None:
        self._ca = ca

    def send(self, method: str, url: str, body: bytes, *, content_type: str, within: float) -> None:
        """Have Libra take *body*, asking again for *within* seconds; raises UploadFailed."""
        ends_at, pause = time.monotonic() + within, _PAUSE
        while True:
            left = ends_at - time.monotonic()
            try:
                request = Request(url, body, method=method)  # noqa: S310 - Libra's URL
                return self._once(request, content_type, left)
            # http.client has errors of its own that are no OSError.
            except Exception as error:
                if is_final(error) or time.monotonic() + pause > ends_at:
                    raise _not_taken(url, error) from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _once(self, request: Request, content_type: str, left: float) -> None:
        request.add_header("Content-Type", content_type)
        trust = trusting(self._ca) if request.type == "https" else None
        timeout = min(_SILENCE, max(left, 1.0))
        with urlopen(request, timeout=timeout, context=trust) as answer:  # noqa: S310 - Libra's URL
            answer.read()


def _not_taken(url: str, error: Exception) -> UploadFailed:
    final = is_final(error)
    if isinstance(error, HTTPError):
        problem = f"Libra says {error.code}: {_problem(error)}"
        return UploadFailed(problem, error.code, is_final=final)
    why = error.reason if isinstance(error, URLError) else error
    return UploadFailed(
        f"no answer from {shown(url)}: {why or type(error).__name__}", is_final=final
    )


def _problem(error: HTTPError) -> str:
    """The sentence of a problem document, or whatever else was answered."""
    try:
        said = error.read(_LONGEST_PROBLEM).decode(errors="replace")
        return str(json.loads(said)["detail"])
    except (ValueError, LookupError, TypeError):
        return said or str(error.reason)
    except OSError:
        return str(error.reason)
