"""Write flights.csv as Parquet by month, with a mark for what was cancelled; return the months."""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, count, count_if

from libra_provider import jobs

SCHEMA = """
    year INT, month INT, day INT, dep_time INT, sched_dep_time INT, dep_delay INT,
    arr_time INT, sched_arr_time INT, arr_delay INT, carrier STRING, flight INT,
    tailnum STRING, origin STRING, dest STRING, air_time INT, distance INT,
    hour INT, minute INT, time_hour TIMESTAMP
"""

raw, lake = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
print("master", spark.sparkContext.master)
print("application", spark.sparkContext.applicationId)

flights = spark.read.csv(f"{raw}/flights.csv", schema=SCHEMA, header=True, nullValue="NA")
cleaned = flights.dropDuplicates().withColumn("cancelled", col("dep_time").isNull())
cleaned.repartition("month").write.partitionBy("month").parquet(f"{lake}/flights", mode="overwrite")

months = spark.read.parquet(f"{lake}/flights").groupBy("month")
totals = months.agg(count("*").alias("flights"), count_if("cancelled").alias("cancelled"))
jobs.result(totals.orderBy("month"))
spark.stop()
