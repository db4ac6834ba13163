SELECT
  CASE
    WHEN precip > 0       THEN 'rain or snow'
    WHEN visib < 3        THEN 'fog'
    WHEN wind_speed >= 20 THEN 'strong wind'
    ELSE                       'fair'
  END                                                       AS weather,
  COUNT(*)                                                  AS flights,
  ROUND(AVG(dep_delay), 1)                                  AS delay_minutes,
  ROUND(100 * AVG(CAST(cancelled AS INT)), 1)               AS cancelled_percent
FROM parquet.`{{ params.home }}/lake/flights` AS flights
JOIN parquet.`{{ params.home }}/lake/weather` AS weather USING (origin, time_hour)
GROUP BY 1
ORDER BY delay_minutes DESC
