"""What runs ISOLATED statements: drivers of their own, beside Libra or on the cluster."""
