CREATE DOMAIN email AS text COLLATE "C" DEFAULT 'nobody@example.org' CONSTRAINT "has an @" CHECK (VALUE LIKE '%@%');
CREATE DOMAIN work_email AS email NOT NULL CHECK (length(VALUE) < 80);
CREATE TYPE mood AS ENUM ('sad', 'o''k', 'happy; --', 'naïve — “quoted”');
BEGIN;
ALTER TYPE mood ADD VALUE 'in between' BEFORE 'happy; --';
COMMIT; -- before it may be used
CREATE TYPE address AS (street text, "Zip Code" varchar(10), moods mood[]);
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
COMMENT ON TYPE mood IS E'line one\nline two; it''s \\ "odd"';

CREATE TABLE every_type (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    small smallint, whole integer, large bigint, exact numeric, rounded numeric(12, 4), single real, double double precision,
    cash money, fixed char(5), limited varchar(20), note text COLLATE "C", named name, one "char", raw bytea, flag boolean,
    day date, clock time(3), clock_there timetz, moment timestamp, instant timestamptz, span interval,
    uid uuid, plain_json json, binary_json jsonb, path_json jsonpath, markup xml,
    host inet, net cidr, mac macaddr, mac_long macaddr8, five_bits bit(5), some_bits varbit,
    pt point, ln line, seg lseg, bx box, pth path, poly polygon, circ circle, words tsvector, ask tsquery,
    ints int4range, decimals numrange, days daterange, times tstzrange, floats floatrange,
    many_ints int4multirange, many_times tstzmultirange, many_floats floatmultirange,
    feeling mood, home address, homes address[], mail email, work work_email DEFAULT 'w@example.org',
    numbers integer[], matrix text[][], dimensions integer[], feelings mood[], mails email[],
    number_of_object oid, class regclass, type regtype, place tid, lsn pg_lsn, transaction xid8
);
INSERT INTO every_type (whole) VALUES (NULL);
INSERT INTO every_type (
    small, whole, large, exact, rounded, single, double, cash, fixed, limited, note, named, one, raw, flag,
    day, clock, clock_there, moment, instant, span, uid, plain_json, binary_json, path_json, markup,
    host, net, mac, mac_long, five_bits, some_bits, pt, ln, seg, bx, pth, poly, circ, words, ask,
    ints, decimals, days, times, floats, many_ints, many_times, many_floats,
    feeling, home, homes, mail, numbers, matrix, dimensions, feelings, mails, number_of_object, class, type, place, lsn, transaction
) VALUES
    (-32768, -2147483648, -9223372036854775808, 'NaN', 0.0001, 'NaN', '-0', '-$1,234.50', 'a', '', '', '', '', '', false,
     '-infinity', '00:00', '23:59:59.999999-15:59', '-infinity', '-infinity', '-178000000 years', '00000000-0000-0000-0000-000000000000',
     '{"a" : 1, "a" : "\u0000"}', '{}', '$.a[*] ? (@ > 1)', '', '::', '0.0.0.0/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00',
     B'00000', B'', '(0,-0)', '{1,-1,0}', '[(0,0),(0,0)]', '(1,1),(0,0)', '[(0,0)]', '((0,0))', '<(0,0),0>', '', '',
     'empty', '(,)', '(-infinity,infinity]', '[-infinity,)', '[NaN,NaN]', '{}', '{}', '{}',
     'o''k', '("","",{})', '{}', 'a@b', '{}', '{}', '[-2:-1][3:3]={{1},{2}}', '{}', '{}', 0, 'pg_catalog.pg_class', 'integer', '(0,1)', '0/0', '0'),
    (32767, 2147483647, 9223372036854775807, 'Infinity', 99999999.9999, 'Infinity', '-Infinity', '$92,233,720,368,547,758.07', 'äöü€x',
     E'\\N', E'\\.', 'pg name', 'c', decode(repeat('00ff5c0a0d09275c2e', 300), 'hex'), true,
     'infinity', '24:00', '00:00:00+15:59', 'infinity', 'infinity', '1 year -2 mons 3 days -04:05:06.789',
     'ffffffff-ffff-ffff-ffff-ffffffffffff', '[1, null, "\ud83d\ude00"]', '{"b": [1e400, -0.0, "tab\tline\n"], "a": null}', 'strict $.**',
     '<?xml version="1.0"?><a b="1">&lt;ü</a>', 'fe80::1/64', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff',
     B'11111', B'101010101', '(1e300,NaN)', '{0.1,0.2,0.3}', '[(1,2),(3,4)]', '(4,5),(2,3)', '((0,0),(1,1),(2,0))', '((0,0),(1,1),(2,0))',
     '<(1,2),3.5>', $$'it''s' a:1A,2B 'back\\slash'$$, '!a & (b | c:*) <2> d',
     '[1,10)', '(0.1,0.2]', '[2024-02-29,2024-03-01)', '[2024-01-01 00:00+00,2024-06-01 12:00:00.000001+02)', '(-Infinity,-0]',
     '{[1,3),[5,9)}', '{(,2020-01-01 00:00+00),[2021-01-01 00:00+00,)}', '{[0.1,0.3]}',
     'naïve — “quoted”', ROW(E'5, "Main" \\ St.\n', NULL, ARRAY['sad', NULL]::mood[]),
     ARRAY[ROW('a', 'b', NULL), ROW(NULL, '{,}', ARRAY['happy; --'])]::address[], E'tab\t@x',
     '{NULL,1,-1}', '{{"NULL",NULL},{"\\","\""}}', '{1}', '{"in between","happy; --"}', ARRAY['x@y', NULL]::email[],
     4294967295, 'pg_catalog."pg_class"', 'double precision', '(4294967295,65535)', 'FFFFFFFF/FFFFFFFF', '18446744073709551615');
INSERT INTO every_type (day, moment, instant, double, single, exact)
    VALUES ('4713-01-01 BC', '4713-01-01 00:00 BC', '294276-12-31 23:59:59.999999+00', 0.1::float8 + 0.2, 1.17549435e-38, '-Infinity'),
           ('5874897-12-31', '0001-01-01 00:00 BC', '0044-03-15 12:00+00 BC', 5e-324, 3.4028235e38, 1e-1000);

CREATE TABLE hard_text (id serial PRIMARY KEY, said text, CONSTRAINT "no ""x""" CHECK (said <> '"x"'));
INSERT INTO hard_text (said)
    SELECT text FROM unnest(ARRAY[
        NULL, '', ' ', E'\\', E'\\\\', E'\\.', E'\\.\n', E'\n\\.\n', E'\\N', E'\\\\N', 'NULL', E'\t', E'a\tb', E'\n', E'\r', E'\r\n',
        E'\b\f\v', E'\x01\x7f', '"', '''', ''';--', '$$', '$_$', E'end\\', ',', '{}', '(', U&'\FEFF', U&'\200B', U&'\2028', U&'\0085',
        U&'e\0301', 'é', '😀🏳️‍🌈', U&'\+10FFFF', 'ÄÖÜß', '中文', 'עברית', repeat('x', 3000), repeat(E'\\\t\n', 4000)
    ]) AS text;
INSERT INTO hard_text (said) SELECT chr(code) FROM generate_series(1, 1000) AS code;
INSERT INTO hard_text (said) SELECT string_agg(md5(n::text), '') FROM generate_series(1, 60000) AS n;
