"""Libra's REST API: routes, the wire format, and what applies to every request."""
