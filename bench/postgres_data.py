"""A shop in PostgreSQL with rows that look real, the same ones each time. The server makes them itself."""

from pathlib import Path

import psycopg

_COUNTS = {"customers": 181_000, "products": 45_000, "orders": 1_807_000, "items": 4_065_000, "events": 1_536_000}


def make_shop(dsn: str, gigabytes: float) -> None:
    """The database is about as big as asked, indexes included; a gigabyte takes half a minute."""
    script = Path(__file__).with_name("shop.sql").read_text()
    for name, count in _COUNTS.items():
        script = script.replace(f"{{{name}}}", str(int(count * gigabytes)))
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in filter(str.strip, script.split(";\n")):
            connection.execute(statement.encode())
