"""What runs inside drivers; the standard library and pyspark only."""
