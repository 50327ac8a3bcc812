-- foreign keys in a circle, to oneself, to partitions; deferred, not valid
CREATE TABLE departments (id integer PRIMARY KEY, name text, head integer NOT NULL);
CREATE TABLE people (id integer PRIMARY KEY, department integer NOT NULL REFERENCES departments DEFERRABLE INITIALLY DEFERRED, boss integer REFERENCES people);
ALTER TABLE departments ADD FOREIGN KEY (head) REFERENCES people ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
INSERT INTO departments SELECT n, 'department ' || n, n * 10 FROM generate_series(1, 20) AS n;
INSERT INTO people SELECT n, (n + 9) / 10, CASE WHEN n < 200 THEN n + 1 END FROM generate_series(1, 200) AS n ORDER BY n DESC;
CREATE TABLE about_events (at timestamptz, region text, id bigint, said text, FOREIGN KEY (at, region, id) REFERENCES events MATCH FULL);
INSERT INTO about_events SELECT at, region, id, 'about ' || id FROM events WHERE id < 100;
CREATE TABLE broken_promises (id integer, departed integer);
INSERT INTO broken_promises VALUES (-1, 4711);
ALTER TABLE broken_promises ADD CONSTRAINT positive CHECK (id > 0) NOT VALID, ADD CONSTRAINT known FOREIGN KEY (departed) REFERENCES people NOT VALID;
CREATE TABLE bookings (
    room text, during tstzrange, seats int4multirange, CONSTRAINT "one at a time" EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (room <> 'lobby')
    DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO bookings SELECT 'room ' || n % 5, tstzrange(t, t + interval '1 hour'), int4multirange(int4range(n, n + 2), int4range(n + 5, NULL))
    FROM generate_series(1, 200) AS n, LATERAL (SELECT timestamptz '2024-01-01 00:00+00' + n * interval '1 hour') AS at (t);
CREATE TABLE unique_later (n integer UNIQUE DEFERRABLE INITIALLY DEFERRED);
INSERT INTO unique_later SELECT generate_series(1, 100);
UPDATE unique_later SET n = n + 1;

-- every index method, and what an index can have
CREATE TABLE indexed (id integer, word text, tags text[], doc jsonb, spot point, span int4range, ip inet, seen_at timestamptz, words tsvector);
INSERT INTO indexed SELECT n, 'word ' || n % 100, ARRAY['t' || n % 10, 't' || n % 7], jsonb_build_object('n', n, 'deep', jsonb_build_array(n % 5)),
    point(n % 50, n % 30), int4range(n, n + 10), '10.0.0.0'::inet + n, timestamptz '2024-01-01 00:00+00' + n * interval '1 min', to_tsvector('english', 'the fox ' || n)
    FROM generate_series(1, 2000) AS n;
UPDATE indexed SET id = -id WHERE id % 10 = 0;
CREATE INDEX i_btree ON indexed USING btree (lower(word) COLLATE "C" DESC NULLS LAST, id) INCLUDE (ip) WITH (fillfactor = 70) WHERE id > 0;
CREATE UNIQUE INDEX i_unique ON indexed (id);
CREATE INDEX i_hash ON indexed USING hash (word);
CREATE INDEX i_gist ON indexed USING gist (spot, span);
CREATE INDEX i_spgist ON indexed USING spgist (ip inet_ops);
CREATE INDEX i_spgist_point ON indexed USING spgist (spot kd_point_ops);
CREATE INDEX i_gin ON indexed USING gin (tags) WITH (fastupdate = off);
CREATE INDEX i_gin_doc ON indexed USING gin (doc jsonb_path_ops);
CREATE INDEX i_gin_words ON indexed USING gin (words);
CREATE INDEX i_trgm ON indexed USING gin (word gin_trgm_ops);
CREATE INDEX i_brin ON indexed USING brin (seen_at timestamptz_minmax_multi_ops (values_per_range = 16)) WITH (pages_per_range = 4);
CREATE INDEX i_bloom ON indexed USING bloom (id, word) WITH (length = 80, col1 = 2);
CREATE STATISTICS indexed_together (ndistinct, dependencies, mcv) ON word, id FROM indexed;
ALTER INDEX i_btree ALTER COLUMN 1 SET STATISTICS 500;
ALTER TABLE indexed ALTER COLUMN word SET STATISTICS 321, ALTER COLUMN id SET (n_distinct = -0.5), REPLICA IDENTITY FULL;
CLUSTER indexed USING i_gist;
