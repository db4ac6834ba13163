"""Results: stored as Arrow files, returned as JSON or Arrow."""
