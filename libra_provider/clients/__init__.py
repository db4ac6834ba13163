"""Protocols as data: what to send to a server, and how to read its reply. No Airflow, no Spark."""
