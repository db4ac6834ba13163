"""The driver process: it holds the SparkSession and runs SHARED statements."""
