"""``make demo``: the example Dag on a real Spark, Libra and Airflow, which then all end."""
