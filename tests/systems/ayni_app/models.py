"""What Ayni keeps: neighbours of several towns help each other, and each town sees its own."""

from datetime import datetime

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Town(Base):
    """The tenant."""

    __tablename__ = "towns"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Neighbour(Base):
    __tablename__ = "neighbours"
    id: Mapped[int] = mapped_column(primary_key=True)
    town_id: Mapped[int] = mapped_column(ForeignKey("towns.id"))
    name: Mapped[str]


class Favour(Base):
    __tablename__ = "favours"
    id: Mapped[int] = mapped_column(primary_key=True)
    town_id: Mapped[int] = mapped_column(ForeignKey("towns.id"))
    giver_id: Mapped[int] = mapped_column(ForeignKey("neighbours.id"))
    minutes: Mapped[int]
    given_at: Mapped[datetime] = mapped_column(server_default=func.now())
