"""The life of a statement in Libra: accepted, scheduled, run, settled."""
