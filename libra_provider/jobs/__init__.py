"""What runs inside and around drivers; the standard library and pyspark only."""
