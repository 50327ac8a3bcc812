"""A favour may be described. The release of a quiet day."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("favours", sa.Column("note", sa.Text))


def downgrade() -> None:
    op.drop_column("favours", "note")
