CREATE EXTENSION hstore SCHEMA extensions;
CREATE EXTENSION citext SCHEMA extensions;
CREATE TABLE uses_extensions (h extensions.hstore, c extensions.citext UNIQUE);
INSERT INTO uses_extensions SELECT extensions.hstore('k"' || n, E'v=>\\' || n), 'CaSe' || n FROM generate_series(1, 100) AS n;
