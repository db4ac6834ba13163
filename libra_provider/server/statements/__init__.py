"""The life of a statement inside Libra: accepted, scheduled, run, settled."""
