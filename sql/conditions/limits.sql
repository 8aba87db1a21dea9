-- For the transaction that reads conditions: names are printed with their schemas, dates as ISO 8601 has them.
SET LOCAL search_path = '';
SET LOCAL standard_conforming_strings = on;
SET LOCAL statement_timeout = '10s';
SET LOCAL lock_timeout = '500ms';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL TimeZone = 'UTC';
SET LOCAL extra_float_digits = 0;
