"""Return the largest number below the first argument, said by a package that was shipped."""

import sys

import words  # type: ignore[import-not-found]  # it is shipped beside this file
from pyspark.sql import SparkSession

from libra_provider import jobs

spark = SparkSession.builder.getOrCreate()
[found] = spark.range(int(sys.argv[1])).selectExpr("max(id) AS n").collect()
jobs.result({"said": words.GREETING, "n": found.n, "rest": sys.argv[2:]})
