"""Whether the servers behind a connection are what they should be, step by step."""
