"""A real Spark cluster, Libra and Airflow on this machine, for the demo, tests and benchmarks."""
