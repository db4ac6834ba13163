"""What a statement, an artifact, a receipt, a pool and a session are; lowest in server/."""
