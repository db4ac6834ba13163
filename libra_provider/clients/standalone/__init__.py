"""Spark's standalone master: its REST API for drivers, its web pages, its drivers' logs."""
