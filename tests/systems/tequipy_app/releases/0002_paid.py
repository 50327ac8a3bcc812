"""Whether an order is paid. The release that was rolled out after the last backup."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("orders", sa.Column("paid", sa.Boolean, nullable=False, server_default="false"))


def downgrade() -> None:
    op.drop_column("orders", "paid")
