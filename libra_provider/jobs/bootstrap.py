"""Run a Python application in a process that ends when the JVM that started it ends.

``bootstrap.py APP ARGS…`` behaves like ``APP ARGS…``: ``sys.argv``, ``sys.path``, ``__main__``,
tracebacks and exit codes are the same. When a driver is killed, Spark ends only its JVM; without
the bootstrap, a Python process that computes would continue.

With a job spec (JSON) in the environment variable LIBRA_JOB, the command is ``bootstrap.py ARGS…``:
the spec contains what to run, and the URL of the *runtime zip*, which contains the rest of the code
that a driver needs (:mod:`libra_provider.jobs.__main__`).

This file imports only the standard library of Python 3.9 and later: workers have nothing else.
"""

from __future__ import annotations

import ast
import ctypes
import hashlib
import json
import os
import re
import runpy
import select
import shutil
import signal
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

SPEC = "LIBRA_JOB"
"""The environment variable that contains the job spec."""
VERSION = 1
"""The driver protocol: the job spec, the reports and receipts, the result upload.

Raise it when a reader of the old version would misread the new one: a field that it must obey is
added, renamed or removed. A field that it may ignore needs no new version. Libra must then read
both (server/external_jobs/protocol.py), because drivers that were submitted before an upgrade run
for hours or days after it. The submitter's copy is in clients/libra/shipment.py.
"""
FOLDER = "libra-files"
"""In the driver's working directory: where fetched files are."""
_PR_SET_PDEATHSIG = 1
_CHUNK = 2**20  # bytes
# A signature is as good as a password.
_SIGNATURE = re.compile(r"(?<=/)[0-9]{1,12}\.[0-9a-f]{64}(?=/)")
_ADDRESSED = re.compile(r"/([0-9a-f]{64})/[^/]+$")
Change = Callable[[ast.Module], ast.Module]


@dataclass(frozen=True)
class FetchTiming:
    """How long a download may take; seconds."""

    silence: float = 30.0
    """Without a byte from the server."""
    restart: float = 90.0
    """For a server that restarts: no attempt begins after it."""
    pause: float = 2.0
    """Between two attempts."""


_DEFAULT = FetchTiming()


def main() -> None:
    """Run what LIBRA_JOB or else ``sys.argv[1]`` names as the main program."""
    end_with_parent()
    if SPEC in os.environ:
        _run_spec(json.loads(os.environ[SPEC]))
    else:
        del sys.argv[0]
        if folder := script_folders(sys.argv[0]):
            sys.path[:1] = folder
        run(sys.argv[0])


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent ends; at once if it has ended already."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if _parent_is_gone():
        os.kill(os.getpid(), signal.SIGKILL)


def _parent_is_gone() -> bool:
    # Spark's JVM keeps the other end of its Python process's standard input open.
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return False
    stdin = select.poll()
    stdin.register(0, 0)
    return any(event & select.POLLHUP for _, event in stdin.poll(0))


def _run_spec(spec: dict[str, Any]) -> None:
    if (version := spec.get("version")) != VERSION:
        sys.exit(f"libra.VersionError: {_advice(version)}")
    try:
        runtime = _runtime(spec)
    except FetchError as error:
        sys.exit(f"libra.FetchError: {error}")
    # In place of this file's folder, whose modules could hide the application's own.
    sys.path[: 0 if _is_safe_path() else 1] = [str(runtime)]
    # As a program: this file may be alone, and imports nothing of the zip that was just fetched.
    runpy.run_module("libra_provider.jobs", run_name="__main__")


def _advice(version: object) -> str:
    return (
        f"The job in {SPEC} has version {version} of the driver protocol, but {__file__} reads"
        f" version {VERSION}; replace it on the workers with the runtime zip of the"
        " airflow-provider-libra that submitted the job"
    )


def _runtime(spec: dict[str, Any]) -> Path:
    if spec.get("runtime"):
        return fetch(spec["runtime"], ca=spec.get("ca"))
    beside = Path(__file__).resolve().parent.parent.parent
    if (beside / "libra_provider" / "jobs" / "__main__.py").is_file():
        return beside
    raise FetchError(
        f"{SPEC} names no runtime zip, and {__file__} is not part of one; "
        "unpack the whole runtime zip on the workers"
    )


class FetchError(Exception):
    """A file that the driver needs could not be fetched; the message has the URL and the reason."""


class WrongBytes(Exception):
    """The download is complete, but its SHA-256 is not the one in its URL."""


def fetch(url: str, *, ca: str | None, timing: FetchTiming = _DEFAULT) -> Path:
    """Return the local path of *url*, which is downloaded if it is http(s); raises FetchError.

    It may also be ``file:``, ``local:`` or a path. *ca*: certificates (PEM) to trust as well as
    the machine's. If the URL has a SHA-256 before the name, as Libra's artifacts have, the content
    is checked against it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return Path(unquote(parts.path) if parts.scheme in ("file", "local") else url)
    addressed = _ADDRESSED.search(parts.path)
    digest = addressed and addressed[1]
    # Two files with the same name must not share a folder.
    key = digest or hashlib.sha256(url.encode()).hexdigest()
    target = Path(FOLDER, key[:16], unquote(parts.path.rpartition("/")[2])).absolute()
    if not (digest and target.is_file() and _digest_of(target) == digest):
        target.parent.mkdir(parents=True, exist_ok=True)
        _download_patiently(url, target, digest, ca, timing)
    return target


def tls_context(ca: str | None) -> ssl.SSLContext:
    """Return a context that trusts the machine's certificates and those in *ca* (PEM)."""
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(cadata=ca)
        # Python 3.13 requires extensions that hand-made certificates seldom have.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def without_signature(url: str) -> str:
    """Return *url* as it may be logged."""
    return _SIGNATURE.sub("***", url)


def is_final(error: Exception) -> bool:
    """Return whether another attempt is useless: refused, untrusted certificate, wrong content."""
    if isinstance(error, HTTPError):
        return 400 <= error.code < 500 and error.code not in (408, 425, 429)
    reason = error.reason if isinstance(error, URLError) else error
    return isinstance(reason, (ssl.SSLCertVerificationError, WrongBytes))


def _download_patiently(
    url: str, target: Path, digest: str | None, ca: str | None, timing: FetchTiming
) -> None:
    ends_at = time.monotonic() + timing.restart
    while True:
        try:
            return _download(url, target, digest, ca, timing.silence)
        # http.client has errors that are no OSError.
        except Exception as error:
            if is_final(error) or time.monotonic() > ends_at:
                reason = str(error) or type(error).__name__
                raise FetchError(
                    f"Could not fetch {without_signature(url)} ({reason});"
                    " drivers must reach Libra at this address"
                ) from error
        time.sleep(timing.pause)


def _download(url: str, target: Path, digest: str | None, ca: str | None, silence: float) -> None:
    trust = tls_context(ca) if url.startswith("https:") else None
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with (
            urlopen(url, timeout=silence, context=trust) as answer,  # noqa: S310 - http(s) only
            unfinished.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file, _CHUNK)
            size = answer.headers.get("Content-Length") or file.tell()
        if unfinished.stat().st_size != int(size):
            raise OSError("the download is incomplete")
        if digest and _digest_of(unfinished) != digest:
            raise WrongBytes("the content does not have the SHA-256 in the URL")
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
    # Python -P does not search a script's folder for modules.
    return bool(getattr(sys.flags, "safe_path", False))


def script_folders(application: str) -> list[str]:
    """Return the folders that Python adds to ``sys.path`` when it runs *application*."""
    return [] if _is_safe_path() else [str(Path(application).resolve().parent)]


def run(application: str, change: Change | None = None, **names: object) -> dict[str, Any]:
    """Run the file *application* as ``__main__`` and return its global names at the end.

    *names* are defined before it starts; *change* edits its syntax tree. An error is shown as
    Python shows it, without the frames of this file, and is the cause of the SystemExit that is
    raised.
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
        exec(code, program.__dict__)  # noqa: S102 - the user's program
    except Exception as error:  # noqa: BLE001 - as Python treats an uncaught one
        _end_with(error, error.__traceback__ and error.__traceback__.tb_next)
    return program.__dict__


def _end_with(error: Exception, trace: TracebackType | None) -> NoReturn:
    sys.excepthook(type(error), error.with_traceback(trace), trace)
    raise SystemExit(1) from error


if __name__ == "__main__":
    main()
