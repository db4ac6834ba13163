"""The vocabulary of server/: statements, artifacts, receipts, pools and sessions."""
