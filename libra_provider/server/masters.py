"""Clients for the masters that run Libra's ISOLATED cluster drivers."""

from __future__ import annotations

from collections.abc import Sequence

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import jws
from libra_provider.clients.http.tls import verification
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.server.settings import Settings

_REST_PORT, _UI_PORT = 6066, 8080


def client(settings: Settings) -> Client:
    """A client of the masters' REST ports; raises BadInput for a secret that is none."""
    isolated = settings.isolated
    signed = jws(isolated.master_secret, parameter="isolated.master_secret")
    urls = isolated.rest_urls or _at_port(settings, _REST_PORT)
    verify = verification(isolated.verify)
    return Client([ServerAddress(url=url, authorization=signed, verify=verify) for url in urls])


def ui_urls(settings: Settings) -> Sequence[str]:
    """The masters' web pages."""
    return settings.isolated.ui_urls or _at_port(settings, _UI_PORT)


def _at_port(settings: Settings, port: int) -> Sequence[str]:
    masters = settings.master.removeprefix("spark://").split(",")
    return [f"http://{each.rpartition(':')[0]}:{port}" for each in masters]
