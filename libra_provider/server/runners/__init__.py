"""ISOLATED statements: each gets a dedicated driver, on Libra's host or on the cluster."""
