from __future__ import annotations

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
raise ValueError("no such day: 2013-02-30")
