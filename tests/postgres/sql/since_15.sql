CREATE TABLE nulls_once (n integer, UNIQUE NULLS NOT DISTINCT (n));
INSERT INTO nulls_once VALUES (NULL), (1);
CREATE UNLOGGED SEQUENCE unlogged_numbers START 5;
CREATE VIEW asks_as_you WITH (security_invoker) AS SELECT * FROM vault.secrets;
CREATE PUBLICATION filtered FOR TABLE orders (id, status) WHERE (id > 10);
CREATE PUBLICATION whole_schema FOR TABLES IN SCHEMA vault, TABLE parent;
