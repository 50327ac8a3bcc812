"""The restaurant on a busy evening: `python serve.py` takes orders until it is stopped, and says each one's number once
it is committed. DATABASE_URL says where they go; every twentieth comes with a picture for UPLOADS."""

import os
import random
import time
from pathlib import Path

from models import Base, Item, Order
from sqlalchemy import create_engine, func, make_url, select
from sqlalchemy.orm import Session

MENU = {"pupusa de queso": 100, "pupusa revuelta": 125, "curtido": 50, "horchata": 175}


def main() -> None:
    url = make_url(os.environ["DATABASE_URL"])
    engine = create_engine(url.set(drivername="postgresql+psycopg") if url.get_backend_name() == "postgresql" else url)
    Base.metadata.create_all(engine)
    chance = random.Random()
    while True:
        with Session(engine) as session, session.begin():
            number = (session.scalar(select(func.max(Order.id))) or 0) + 1
            order = Order(id=number, customer=f"table {number % 12}", total=0)
            session.add(order)
            session.flush()
            for dish in chance.choices(list(MENU), k=chance.randint(1, 6)):
                session.add(Item(order_id=number, dish=dish, price=MENU[dish]))
                session.flush()  # statement by statement, as applications write
                order.total += MENU[dish]
        if number % 20 == 1:
            upload(number)
        print(number, flush=True)
        time.sleep(0.04)


def upload(number: int) -> None:
    folder = Path(os.environ["UPLOADS"])
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{number}.tmp"
    beside.write_bytes(f"a picture of order {number}\n".encode() * 100)
    beside.rename(folder / f"{number}.jpg")


if __name__ == "__main__":
    main()
