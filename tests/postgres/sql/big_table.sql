CREATE PROCEDURE pg_temp.grow(wanted bigint) LANGUAGE plpgsql AS $$
DECLARE
    rows bigint := 0;
BEGIN
    WHILE pg_relation_size('public.big') < wanted LOOP
        INSERT INTO public.big SELECT
            n, 'customer-' || n % 100003 || '@example.org', timestamptz '2024-01-01 00:00+00' + n * interval '1 s',
            (n * 7919 % 1000000) / 100.0, (ARRAY['new', 'paid', 'shipped', 'returned'])[n % 4 + 1], md5(n::text),
            jsonb_build_object('lines', n % 9, 'gift', n % 7 = 0),
            'Order ' || n || ' was placed by a person who likes words' || repeat(' very', (n % 20)::int)
            FROM generate_series(rows + 1, rows + 100000) AS n;
        rows := rows + 100000;
        COMMIT;
    END LOOP;
END
$$;
CREATE TABLE public.big (
    id bigint PRIMARY KEY, customer text, placed_at timestamptz, amount numeric(12, 2), status text, token text, details jsonb, note text
);
