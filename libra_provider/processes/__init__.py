"""Processes that end with their parent, together with everything that they have started."""
