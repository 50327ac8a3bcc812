-- views on views, materialized ones on both, one never filled
CREATE VIEW paid AS SELECT id, customer, amount FROM orders WHERE status = 'paid' WITH LOCAL CHECK OPTION;
CREATE VIEW big_paid WITH (security_barrier) AS SELECT * FROM paid WHERE amount > 500;
CREATE MATERIALIZED VIEW by_customer AS SELECT customer, count(*) AS orders, sum(amount) AS total FROM big_paid GROUP BY customer;
CREATE VIEW best_customers AS SELECT * FROM by_customer WHERE orders > 3;
CREATE MATERIALIZED VIEW best_of_best AS SELECT * FROM best_customers WHERE total > 1000 WITH DATA;
CREATE UNIQUE INDEX by_customer_name ON by_customer (customer);
CREATE MATERIALIZED VIEW a_before_its_sources AS SELECT count(*) AS n FROM best_of_best;
CREATE MATERIALIZED VIEW never_filled AS SELECT * FROM orders WITH NO DATA;
CREATE RECURSIVE VIEW chain (id, depth) AS SELECT id, 0 FROM people WHERE boss IS NULL UNION ALL SELECT p.id, depth + 1 FROM people p, chain c WHERE p.boss = c.id;

-- functions of each sort; triggers that would change rows if they fired in a restore
CREATE FUNCTION add(a integer, b integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC; SELECT a + b; END;
CREATE FUNCTION add(a text, VARIADIC rest text[]) RETURNS text LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog, "$user" AS $$ SELECT a || array_to_string(rest, '$') $$;
CREATE PROCEDURE spend(INOUT n integer) LANGUAGE plpgsql AS $body$
-- a comment line

BEGIN
    n := n - 1;  -- ';'
END
$body$;
CREATE AGGREGATE total (integer) (SFUNC = add, STYPE = integer, INITCOND = '0');
CREATE OPERATOR @+@ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = add, COMMUTATOR = @+@);
CREATE FUNCTION mood_to_integer(mood) RETURNS integer LANGUAGE sql STABLE AS $$ SELECT count(*)::int FROM unnest(enum_range(NULL, $1)) $$;
CREATE CAST (mood AS integer) WITH FUNCTION mood_to_integer(mood) AS ASSIGNMENT;
CREATE TABLE audit (id bigserial PRIMARY KEY, at timestamptz DEFAULT clock_timestamp(), what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit (what) VALUES (TG_OP || ' ' || TG_TABLE_NAME); RETURN NEW; END $$;
CREATE TABLE watched (id integer PRIMARY KEY, note text);
CREATE TRIGGER note AFTER INSERT OR UPDATE ON watched FOR EACH ROW WHEN (NEW.note IS DISTINCT FROM 'x') EXECUTE FUNCTION note();
CREATE TRIGGER asleep BEFORE DELETE ON watched FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE TRIGGER replica AFTER TRUNCATE ON watched FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON watched DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE watched DISABLE TRIGGER asleep, ENABLE ALWAYS TRIGGER replica;
INSERT INTO watched SELECT n, 'watched ' || n FROM generate_series(1, 50) AS n;
UPDATE watched SET note = 'x' WHERE id < 10;
CREATE RULE keep AS ON DELETE TO watched WHERE OLD.id = 1 DO INSTEAD NOTHING;
CREATE TRIGGER instead INSTEAD OF INSERT ON best_customers FOR EACH ROW EXECUTE FUNCTION note();

CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION shop (COPY = english);
ALTER TEXT SEARCH CONFIGURATION shop ALTER MAPPING FOR asciiword WITH plain;
CREATE COLLATION "C again" FROM "C";
COMMENT ON FUNCTION add(integer, integer) IS 'adds';

-- large objects: small, empty, of many pages, with a hole
SELECT lo_from_bytea(90001, 'small'), lo_create(90002), lo_from_bytea(0, sha256('any number'));
SELECT lo_from_bytea(90003, decode(string_agg(md5(n::text), ''), 'hex')) FROM generate_series(1, 150000) AS n;
SELECT lo_create(90004);
SELECT lo_put(90004, 1000000, 'after a hole');
COMMENT ON LARGE OBJECT 90001 IS 'a large object';

CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert, update');
CREATE PUBLICATION part FOR TABLE orders, ONLY parent;
CREATE SCHEMA guard;
CREATE TABLE guard.seen (id serial, tag text);
CREATE FUNCTION guard.see() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO guard.seen (tag) VALUES (TG_TAG); END $$;
CREATE EVENT TRIGGER see ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION guard.see();
CREATE TABLE after_the_guard (id integer);
CREATE EVENT TRIGGER asleep ON sql_drop EXECUTE FUNCTION guard.see();
ALTER EVENT TRIGGER asleep DISABLE;
