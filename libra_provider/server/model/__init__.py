"""What Libra speaks of: statements, artifacts, receipts, pools, sessions."""
