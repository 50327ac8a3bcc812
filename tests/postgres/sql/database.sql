-- last, because each of these would spoil what comes after: settings that change how values look, and rights
ALTER DATABASE :database SET array_nulls = off;
ALTER DATABASE :database SET "DateStyle" = 'German';
ALTER DATABASE :database SET "TimeZone" = 'Asia/Kathmandu';
ALTER DATABASE :database SET "IntervalStyle" = 'sql_standard';
ALTER DATABASE :database SET bytea_output = 'escape';
ALTER DATABASE :database SET extra_float_digits = -3;
ALTER DATABASE :database SET search_path = vault, "Hard ""names""", public;
ALTER DATABASE :database SET statement_timeout = '3min';
ALTER ROLE hard_reader IN DATABASE :database SET default_transaction_read_only = on;
ALTER DATABASE :database CONNECTION LIMIT 50;
REVOKE TEMPORARY ON DATABASE :database FROM PUBLIC;
GRANT CREATE ON DATABASE :database TO "hard owner";
COMMENT ON DATABASE :database IS E'a hard one;\n''it'' is';
