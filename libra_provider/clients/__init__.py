"""Protocols as data: what to ask a server, and how to read its reply. No Airflow, no Spark."""
