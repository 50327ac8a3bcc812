"""Towns, their neighbours, and the favours that these do each other."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("towns", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text, nullable=False))
    op.create_table(
        "neighbours",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("town_id", sa.Integer, sa.ForeignKey("towns.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
    )
    op.create_table(
        "favours",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("town_id", sa.Integer, sa.ForeignKey("towns.id"), nullable=False),
        sa.Column("giver_id", sa.Integer, sa.ForeignKey("neighbours.id"), nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    for table in ("favours", "neighbours", "towns"):
        op.drop_table(table)
