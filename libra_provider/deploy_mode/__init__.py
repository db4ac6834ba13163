"""Where a driver should run: the decision tree and its costs, as pure functions."""
