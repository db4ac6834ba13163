"""Java that runs beside Spark's in the driver: its sources, and what compiles them."""
