"""HTTP: routes, the wire format, and what every request passes on its way."""
