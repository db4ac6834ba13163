"""Step-by-step checks of the servers behind a connection."""
