"""The shop's database when it is PostgreSQL, reached by psql as the shop has no driver of its own."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from drkit.demo.shop import Order, read_order
from drkit.errors import ObjectiveMissed

_SCHEMA = """
create table orders (
    id integer primary key, placed_at timestamptz not null, customer text not null, total integer not null);
create table order_items (
    order_id integer not null references orders, line integer not null, product text not null, cents integer not null,
    primary key (order_id, line));
"""
# One order a line, as it stands on its receipt.
_ORDERS = """
select json_build_object(
    'id', id, 'placed_at', to_char(placed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
    'customer', customer, 'total', total,
    'items', (select json_agg(json_build_array(product, cents) order by line) from order_items where order_id = id))
from orders
"""


@dataclass(frozen=True, slots=True)
class PostgresTill:
    """`dsn` has no password: it stands among arguments."""

    psql: str
    dsn: str

    def open(self) -> None:
        self.ask(_SCHEMA)

    def take(self, orders: Iterable[Order]) -> Iterator[Order]:
        with subprocess.Popen(
            self._command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment(self.psql), text=True
        ) as child:
            if not (child.stdin and child.stdout):
                raise AssertionError("both were asked for")
            for order in orders:
                child.stdin.write(f"begin; {_inserts(order)} commit;\n\\echo {order.id}\n")
                child.stdin.flush()
                if child.stdout.readline() != f"{order.id}\n":
                    return  # the server has gone, and nothing was committed
                yield order

    def ruin(self, statement: str) -> int:
        return int(self.ask(f"with ruined as ({statement} returning 1) select count(*) from ruined"))  # noqa: S608

    def orders(self) -> dict[int, Order]:
        return {order.id: order for order in map(read_order, self.ask(_ORDERS).splitlines())}

    def ask(self, statement: str) -> str:
        command = [*self._command(), "--command", statement]
        done = subprocess.run(command, env=_environment(self.psql), capture_output=True, text=True)
        if done.returncode:
            raise ObjectiveMissed(f"the demo's shop cannot use its database: {done.stderr.strip()}")
        return done.stdout

    def _command(self) -> list[str]:
        return [self.psql, "-XqAt", "--set=ON_ERROR_STOP=1", self.dsn]


def _inserts(order: Order) -> str:
    """The menu and the names have no quotes in them."""
    items = ", ".join(f"({order.id}, {line}, '{name}', {cents})" for line, (name, cents) in enumerate(order.items, 1))
    return (
        f"insert into orders values ({order.id}, '{order.placed_at}', '{order.customer}', {order.total});"  # noqa: S608
        f" insert into order_items values {items};"
    )


def _environment(psql: str) -> dict[str, str]:
    """Nothing that the user has set for servers of his own, and the libraries of a build that brings them along."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    libraries = Path(psql).parents[1] / "lib"
    return own | ({"LD_LIBRARY_PATH": str(libraries)} if list(libraries.glob("libpq.so*")) else {})
