"""Libra's REST API: statements, results, logs, files; also for servers with the old API."""
