"""`python move_to_postgres.py SQLITE_URL POSTGRES_URL` copies every order with its items, in one transaction, and
looks at what has come. The restaurant is closed meanwhile."""

import sys

from models import Base, Item, Order
from sqlalchemy import create_engine, func, insert, make_url, select, text


def main(old: str, new: str) -> None:
    source, target = create_engine(old), create_engine(make_url(new).set(drivername="postgresql+psycopg"))
    Base.metadata.create_all(target)
    with source.connect() as reading, target.begin() as writing:
        for table in (Order.__table__, Item.__table__):
            rows = [dict(row) for row in reading.execute(select(table)).mappings()]
            writing.execute(insert(table), rows)
            [name] = table.primary_key.columns.keys()
            last = f"SELECT setval(pg_get_serial_sequence('{table.name}', '{name}'), max({name})) FROM {table.name}"
            writing.execute(text(last))
            assert writing.scalar(select(func.count()).select_from(table)) == len(rows)
            print(f"{table.name}: {len(rows)} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
