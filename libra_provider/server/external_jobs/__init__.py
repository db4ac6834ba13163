"""Jobs that an Airflow worker submits and that return their results through Libra."""
