ALTER ROLE "hard owner" CREATEDB CONNECTION LIMIT 7 VALID UNTIL '2099-01-01 00:00+00';
ALTER ROLE hard_reader LOGIN PASSWORD 'it''s "p\ss" — wörd';
ALTER ROLE hard_reader SET statement_timeout = '77s';
COMMENT ON ROLE hard_reader IS E'reads\nonly';
GRANT "hard owner" TO hard_staff WITH ADMIN OPTION;
GRANT hard_staff TO hard_reader;
