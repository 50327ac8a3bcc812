CREATE COLLATION numbers (provider = icu, locale = 'de-u-kn-true');
CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE sorted (a text COLLATE numbers PRIMARY KEY, b text COLLATE no_case UNIQUE, c text COLLATE "sv-x-icu");
INSERT INTO sorted SELECT 'Straße ' || n, 'Ö' || n, chr(192 + n) FROM generate_series(1, 60) AS n;
CREATE INDEX ON sorted (c DESC) WHERE b = 'ö1';
