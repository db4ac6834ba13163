"""Run a Python application so that its process ends with the JVM that has started it.

``bootstrap.py APP ARGS…`` is what ``APP ARGS…`` is without it: ``sys.argv``, ``sys.path``,
``__main__``, tracebacks and exit codes are the same. When a driver is killed, Spark ends its JVM
only; a Python process that computes would go on for as long as it likes.

With an order in the environment variable LIBRA_JOB, it is ``bootstrap.py ARGS…``: the order says
what is run, and where the rest of what travels with jobs is (the *runtime zip*;
:mod:`libra_provider.jobs.main`).

It stands alone, for any Python from 3.9 on: workers have this file, and nothing else of ours.
"""

from __future__ import annotations

import ast
import ctypes
import hashlib
import json
import os
import re
import select
import shutil
import signal
import ssl
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

ORDER = "LIBRA_JOB"
FOLDER = "libra-files"
"""In the driver's own folder: what was fetched."""
_PR_SET_PDEATHSIG = 1
_CHUNK = 2**20  # bytes
_SILENCE = 30  # seconds in which a server may send nothing
_PATIENCE = 90.0  # seconds, for a server that restarts
_PAUSE = 2.0  # seconds
# A signature is as good as a password.
_SIGNATURE = re.compile(r"(?<=/)[0-9]{1,12}\.[0-9a-f]{64}(?=/)")
_ADDRESSED = re.compile(r"/([0-9a-f]{64})/[^/]+$")
Change = Callable[[ast.Module], ast.Module]


def main() -> None:
    """Run what the order says, or ``sys.argv[1]``, as the main program."""
    end_with_parent()
    if ORDER in os.environ:
        _run_order(json.loads(os.environ[ORDER]))
    else:
        del sys.argv[0]
        if folder := folders_of(sys.argv[0]):
            sys.path[:1] = folder
        run(sys.argv[0])


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent ends; now, if that has happened already."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if _parent_is_gone():
        os.kill(os.getpid(), signal.SIGKILL)


def _parent_is_gone() -> bool:
    """Spark's JVM holds the other end of its Python process's standard input open."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return False
    stdin = select.poll()
    stdin.register(0, 0)
    return any(event & select.POLLHUP for _, event in stdin.poll(0))


def _run_order(order: dict[str, Any]) -> None:
    try:
        runtime = _runtime(order)
    except FetchError as error:
        sys.exit(f"libra.FetchError: {error}")
    # Instead of our own folder, whose modules have names that anybody's may have.
    sys.path[: 0 if _is_safe_path() else 1] = [str(runtime)]
    # By name: this file stands alone, and what it hands over to is in the zip that it fetched.
    import_module("libra_provider.jobs.main").run(order, bootstrap=__file__)


def _runtime(order: dict[str, Any]) -> Path:
    if order.get("runtime"):
        return fetched(order["runtime"], ca=order.get("ca"))
    beside = Path(__file__).resolve().parent.parent.parent
    if (beside / "libra_provider" / "jobs" / "main.py").is_file():
        return beside
    raise FetchError(
        f"{ORDER} names no runtime zip, and {__file__} is alone; "
        "unpack Libra's whole runtime zip on the workers"
    )


class FetchError(Exception):
    """What a driver needs cannot be had; says what and why."""


class WrongBytes(Exception):
    """They came whole, and have another SHA-256 than their address."""


def fetched(url: str, *, ca: str | None) -> Path:
    """The file at *url*, http(s), ``file:``, ``local:`` or a path; raises FetchError.

    *ca* are certificates (PEM) that are believed instead of the machine's. Where the URL has a
    SHA-256 before the name, as artifacts of Libra have, the bytes have it too.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return Path(unquote(parts.path) if parts.scheme in ("file", "local") else url)
    addressed = _ADDRESSED.search(parts.path)
    digest = addressed and addressed[1]
    # Two files of one name do not meet.
    key = digest or hashlib.sha256(url.encode()).hexdigest()
    target = Path(FOLDER, key[:16], unquote(parts.path.rpartition("/")[2])).absolute()
    if not (digest and target.is_file() and _digest_of(target) == digest):
        target.parent.mkdir(parents=True, exist_ok=True)
        _download_patiently(url, target, digest, ca)
    return target


def trusting(ca: str | None) -> ssl.SSLContext:
    """Believes the authorities of the machine, and those in *ca* (PEM)."""
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(cadata=ca)
        # Python 3.13 wants extensions that authorities made by hand seldom have.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def shown(url: str) -> str:
    """*url* as anybody may see it."""
    return _SIGNATURE.sub("***", url)


def is_final(error: Exception) -> bool:
    """Whether asking again cannot help: the server says no, or is not to be believed."""
    if isinstance(error, HTTPError):
        return 400 <= error.code < 500 and error.code not in (408, 425, 429)
    reason = error.reason if isinstance(error, URLError) else error
    return isinstance(reason, (ssl.SSLCertVerificationError, WrongBytes))


def _download_patiently(url: str, target: Path, digest: str | None, ca: str | None) -> None:
    ends_at = time.monotonic() + _PATIENCE
    while True:
        try:
            return _download(url, target, digest, ca)
        # http.client has errors of its own that are no OSError.
        except Exception as error:
            if is_final(error) or time.monotonic() > ends_at:
                why = f"{shown(url)} could not be fetched ({str(error) or type(error).__name__})"
                raise FetchError(f"{why}; drivers must reach Libra at this address") from error
        time.sleep(_PAUSE)


def _download(url: str, target: Path, digest: str | None, ca: str | None) -> None:
    trust = trusting(ca) if url.startswith("https:") else None
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with (
            urlopen(url, timeout=_SILENCE, context=trust) as answer,  # noqa: S310 - http(s) only
            unfinished.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file, _CHUNK)
            size = answer.headers.get("Content-Length") or file.tell()
        if unfinished.stat().st_size != int(size):
            raise OSError("it did not come whole")
        if digest and _digest_of(unfinished) != digest:
            raise WrongBytes("what came is not what the address names")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            digest.update(data)
    return digest.hexdigest()


def _is_safe_path() -> bool:
    # With it, a script's own folder is not searched for modules.
    return bool(getattr(sys.flags, "safe_path", False))


def folders_of(application: str) -> list[str]:
    """Where its own Python would search for modules of *application* first."""
    return [] if _is_safe_path() else [str(Path(application).resolve().parent)]


def run(application: str, change: Change | None = None, **names: object) -> dict[str, Any]:
    """Run the file *application* as ``__main__``, where *names* are there already.

    Its names at the end. *change* is for its text, parsed. An error is shown as if we were not
    there, and is the cause of the SystemExit that follows.
    """
    program = ModuleType("__main__")
    program.__dict__.update(
        __file__=application,
        __builtins__=__builtins__,
        __cached__=None,
        __loader__=SourceFileLoader("__main__", application),
        **names,
    )
    sys.modules["__main__"] = program
    source = Path(application).read_bytes()
    try:
        text: Any = change(ast.parse(source, application)) if change else source
        code = compile(text, application, "exec", dont_inherit=True)
    except SyntaxError as error:
        _end_with(error, None)
    try:
        exec(code, program.__dict__)  # noqa: S102 - it is the user's program
    except Exception as error:  # noqa: BLE001 - what Python does with an error nobody has caught
        _end_with(error, error.__traceback__ and error.__traceback__.tb_next)
    return program.__dict__


def _end_with(error: Exception, trace: TracebackType | None) -> NoReturn:
    sys.excepthook(type(error), error.with_traceback(trace), trace)
    raise SystemExit(1) from error


if __name__ == "__main__":
    main()
