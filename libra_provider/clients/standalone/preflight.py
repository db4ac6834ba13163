"""A harmless request before a submission, which finds out what is wrong, if anything."""

from __future__ import annotations

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import warn_of_open_master
from libra_provider.clients.standalone import rest


def greet_master(client: Client) -> None:
    """Check that a master accepts submissions; raises ServerError.

    Logs a warning, once per process, if it accepts them from anyone, unless it is on this machine.
    """
    client.send(rest.ready())
    if client.active.authorization() is None:
        warn_of_open_master(client.active.url)
