-- some at a time, as a transaction has few locks
CREATE PROCEDURE pg_temp.make(wanted integer) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1..wanted LOOP
        EXECUTE format('CREATE TABLE public.many_%s (id integer PRIMARY KEY, at date DEFAULT now())', n);
        EXECUTE format('INSERT INTO public.many_%s SELECT generate_series(1, 3)', n);
        IF n % 200 = 0 THEN
            COMMIT;
        END IF;
    END LOOP;
END
$$;
