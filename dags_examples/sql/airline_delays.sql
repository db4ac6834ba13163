SELECT
  airlines.name                                             AS airline,
  COUNT(*)                                                  AS flights,
  ROUND(AVG(arr_delay), 1)                                  AS delay_minutes,
  ROUND(100 * AVG(CASE WHEN arr_delay >= 15 THEN 1 ELSE 0 END), 1) AS late_percent
FROM parquet.`{{ params.home }}/lake/flights` AS flights
JOIN parquet.`{{ params.home }}/lake/airlines` AS airlines USING (carrier)
WHERE arr_delay IS NOT NULL
GROUP BY airlines.name
ORDER BY delay_minutes DESC
