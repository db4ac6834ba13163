"""The driver's process: it holds the SparkSession and runs SHARED statements."""
