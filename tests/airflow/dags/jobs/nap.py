from __future__ import annotations

import time

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
time.sleep(45)
