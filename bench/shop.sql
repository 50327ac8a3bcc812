-- A shop whose rows look real: words, names, prices, times that go forward, JSON events. {orders} and the like are counts.
create table words as select row_number() over () - 1 as n, w from regexp_split_to_table('amber anchor apple ash basket bay beacon birch bottle branch bread bridge bronze brook candle canvas cedar chair clay cliff cloud coast copper coral cotton crane creek crown desk door dune eagle elm ember falcon feather fern field flint forest fox garden gate glass grove harbor hazel heron hill ivory ivy jade juniper kettle lake lamp lantern leaf lemon lily linen', ' ') w;
create table customers (id bigint primary key, name text not null, email text not null, city text, joined timestamptz not null);
create table products (id bigint primary key, title text not null, price numeric(10, 2) not null, tags text[] not null);
create table orders (id bigint primary key, customer_id bigint not null, placed_at timestamptz not null, status text not null, note text);
create table order_items (order_id bigint not null, line smallint not null, product_id bigint not null, quantity int not null,
                          price numeric(10, 2) not null);
create table events (id bigint primary key, at timestamptz not null, kind text not null, body jsonb not null);
create temp table w as select n, w from words where n < 60;
create temp table w3 as select a.n * 3600 + b.n * 60 + c.n as n, a.w || ' ' || b.w || ' ' || c.w as t from w a, w b, w c;
create index on w3 (n);
insert into customers select i, initcap(t), replace(t, ' ', '.') || i || '@example.net',
       (array['Lima', 'Cusco', 'Madrid', 'Porto', 'Lyon', 'Gent', 'Bari', 'Graz'])[(1 + i % 8)::int], '2019-01-01'::timestamptz + i * interval '7 min'
  from generate_series(1::bigint, {customers}) i join w3 on w3.n = (i * 7919) % 216000;
insert into products select i, t, ((i * 7877) % 100000) / 100.0, string_to_array(t, ' ')
  from generate_series(1::bigint, {products}) i join w3 on w3.n = (i * 104729) % 216000;
insert into orders select i, 1 + (i * 48271) % {customers}, '2022-01-01'::timestamptz + i * interval '11 s',
       (array['new', 'paid', 'packed', 'sent', 'done', 'returned'])[(1 + (i * 31) % 6)::int], case when i % 3 = 0 then t end
  from generate_series(1::bigint, {orders}) i join w3 on w3.n = (i * 15485863) % 216000;
insert into order_items select 1 + i / 3, i % 3, 1 + (i * 69621) % {products}, 1 + i % 5, ((i * 7877) % 100000) / 100.0
  from generate_series(1::bigint, {items}) i;
insert into events select i, '2022-01-01'::timestamptz + i * interval '9 s', (array['view', 'click', 'search', 'buy'])[(1 + (i * 13) % 4)::int],
       jsonb_build_object('customer', 1 + (i * 48271) % {customers}, 'session', md5(i::text), 'path', '/' || replace(t, ' ', '/'), 'ms', (i * 7919) % 900)
  from generate_series(1::bigint, {events}) i join w3 on w3.n = (i * 32452843) % 216000;
drop table words;
alter table order_items add primary key (order_id, line);
alter table orders add foreign key (customer_id) references customers;
alter table order_items add foreign key (product_id) references products;
create index on orders (customer_id); create index on orders (placed_at); create index on events (at);
vacuum analyze;
