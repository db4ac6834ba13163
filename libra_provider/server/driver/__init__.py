"""The shared driver, in a process of its own."""
