"""What a statement, an artifact, a receipt, a pool and a session are; below everything else in server."""
