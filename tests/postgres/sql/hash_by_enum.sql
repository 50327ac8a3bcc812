CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'grey');
CREATE TABLE by_colour (colour colour, n integer) PARTITION BY HASH (colour);
CREATE TABLE by_colour_0 PARTITION OF by_colour FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE by_colour_1 PARTITION OF by_colour FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE by_colour_2 PARTITION OF by_colour FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO by_colour SELECT (enum_range(NULL::colour))[n % 4 + 1], n FROM generate_series(1, 400) AS n;
