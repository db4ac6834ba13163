"""SHARED Python: one child process per session, over Spark Connect."""
