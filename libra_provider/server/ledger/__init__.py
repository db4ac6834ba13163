"""Every statement ever accepted, on disk."""
