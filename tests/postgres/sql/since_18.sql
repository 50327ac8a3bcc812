CREATE TABLE virtual (a integer CONSTRAINT a_is_there NOT NULL, b integer GENERATED ALWAYS AS (a * 2) VIRTUAL, c integer);
INSERT INTO virtual (a) SELECT generate_series(1, 100);
ALTER TABLE virtual ADD CONSTRAINT c_is_there NOT NULL c NOT VALID, ADD CONSTRAINT small CHECK (a < 50) NOT ENFORCED;
CREATE TABLE stays (room int4range, during daterange, PRIMARY KEY (room, during WITHOUT OVERLAPS));
INSERT INTO stays SELECT '[1,2)', daterange('2024-01-01'::date + n, '2024-01-01'::date + n + 1) FROM generate_series(1, 50) AS n;
