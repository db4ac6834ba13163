"""Libra in the foreground, until a signal."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from libra_provider.core.errors import BadInput
from libra_provider.server.app import create_app
from libra_provider.server.driver.process import HOST_COMMAND
from libra_provider.server.keep_alive import head_timeout_protocol
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.settings import Settings
from libra_provider.server.timing import DEFAULT, ServerTiming

_log = logging.getLogger(__name__)


def serve(settings: Settings, *, host_command: Sequence[str] = HOST_COMMAND) -> None:
    """Serve until SIGTERM or SIGINT; then the driver host, which *host_command* runs, is gone too.

    Raises BadInput when the address is taken, or the data folder is another Libra's; LedgerInUse
    when the ledger is, and LedgerUnavailable when its database does not answer.
    """
    with (
        listening(settings) as listener,
        _alone_in(settings.data_dir),
        closing(Ledger(settings.ledger_url)) as ledger,
    ):
        settings = replace(settings, port=listener.getsockname()[1])
        config = configured(create_app(settings, ledger, host_command=host_command), settings)
        _log.info("Libra listens on %s", settings.address)
        if not settings.tls_certificate and not settings.is_loopback:
            _log.warning("Token and data are sent unencrypted; set tls_certificate")
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn raises Ctrl-C again after it has stopped cleanly
            _log.info("Libra has stopped.")


def configured(app: FastAPI, settings: Settings, timing: ServerTiming = DEFAULT) -> uvicorn.Config:
    """How *app* is served: what is between it and the network."""
    return uvicorn.Config(
        app,
        http=head_timeout_protocol(timing.requests.head),
        log_level="warning",
        access_log=False,
        server_header=False,
        # A client that waits for a long statement must not keep Libra from stopping.
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    # Two Libras on one ledger would run each other's statements.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            advice = "another Libra uses it; stop that one or choose another folder"
            raise BadInput("data_dir", str(folder), advice) from error
        yield


def listening(settings: Settings) -> socket.socket:
    """A socket at the address of *settings*; raises BadInput when it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        # Python's own text repeats the address.
        why = os.strerror(error.errno) if error.errno else str(error)
        advice = f"Libra cannot listen on {settings.host}:{settings.port} ({why.lower()})"
        raise BadInput("port", settings.port, advice) from error
