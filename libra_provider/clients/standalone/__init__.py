"""Spark's standalone cluster: its submission REST API, its web pages, its drivers' logs."""
