import sys

limit = int(sys.argv[1])
braces = "{{ none }}"
print(f"there are {limit} rows")
spark.range(limit).selectExpr("id AS n", f"'{braces}' AS said")  # type: ignore[name-defined]  # noqa: F821 - Libra gives it
