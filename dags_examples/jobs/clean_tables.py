"""Read the four small tables, and write each as Parquet."""

import sys

from pyspark.sql import SparkSession

SCHEMAS = {
    "airlines": "carrier STRING, name STRING",
    "airports": "faa STRING, name STRING, lat DOUBLE, lon DOUBLE, alt INT, tz INT, dst STRING, "
    "tzone STRING",
    "planes": "tailnum STRING, year INT, type STRING, manufacturer STRING, model STRING, "
    "engines INT, seats INT, speed INT, engine STRING",
    "weather": "origin STRING, year INT, month INT, day INT, hour INT, temp DOUBLE, dewp DOUBLE, "
    "humid DOUBLE, wind_dir INT, wind_speed DOUBLE, wind_gust DOUBLE, precip DOUBLE, "
    "pressure DOUBLE, visib DOUBLE, time_hour TIMESTAMP",
}
# The hour in which clocks go back was recorded twice.
KEYS = {"weather": ["origin", "time_hour"]}

raw, lake = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
for name, schema in SCHEMAS.items():
    table = spark.read.csv(f"{raw}/{name}.csv", schema=schema, header=True, nullValue="NA")
    unique = table.dropDuplicates(KEYS.get(name))
    unique.coalesce(1).write.parquet(f"{lake}/{name}", mode="overwrite")
spark.stop()
