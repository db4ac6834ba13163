"""The ledger: every accepted statement, in a database."""
