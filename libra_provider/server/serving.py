"""Libra in the foreground, until a signal."""

from __future__ import annotations

import logging
import socket

import uvicorn

from libra_provider.core.errors import BadInput
from libra_provider.server.app import create_app
from libra_provider.server.settings import Settings

_log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then the driver and its JVM are gone too.

    Raises BadInput when the address is taken.
    """
    with _listening(settings) as listener:
        config = uvicorn.Config(
            create_app(settings),
            log_level="warning",
            # A client that waits for a long statement must not keep Libra from stopping.
            timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
        )
        port = listener.getsockname()[1]
        scheme = "https" if settings.tls_certificate else "http"
        _log.info("Libra listens on %s://%s:%s", scheme, settings.host, port)
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn raises Ctrl-C again after it has stopped cleanly
            _log.info("Libra has stopped.")


def _listening(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        advice = f"Libra cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        raise BadInput("port", settings.port, advice) from error
