"""Jobs whose driver somebody else submits, and that return results through Libra."""
