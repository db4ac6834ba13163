"""The question before a submission: it tells every trouble apart, and does no harm."""

from __future__ import annotations

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import warn_of_open_master
from libra_provider.clients.standalone import rest


def greet_master(client: Client) -> None:
    """Make sure that a master takes submissions; raises ServerError.

    One that takes those of anybody is warned about, once per process, unless it is on this machine.
    """
    client.send(rest.ready())
    if client.active.authorization() is None:
        warn_of_open_master(client.active.url)
