"""Libra's REST API: statements, results, logs, files, and servers of the older contract."""
