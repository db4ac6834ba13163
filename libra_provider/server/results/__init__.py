"""Rows on disk as Arrow, and out as JSON or Arrow."""
