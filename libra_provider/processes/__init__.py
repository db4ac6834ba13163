"""Processes that end with their parent, and with everything that they started."""
