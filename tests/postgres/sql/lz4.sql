CREATE TABLE lz4 (packed text COMPRESSION lz4);
INSERT INTO lz4 SELECT repeat('packed ' || n, 9000) FROM generate_series(1, 10) AS n;
