"""Where the driver should run: pure functions, see reference/libra.md for the tree."""
