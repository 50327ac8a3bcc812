"""A town sees its own rows and nobody else's, even if a query forgets to ask for that."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = ("neighbours", "favours")


def upgrade() -> None:
    op.execute(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ayni_api')"
        " THEN CREATE ROLE ayni_api LOGIN PASSWORD 'of the API, in a test'; END IF; END $$"
    )
    op.execute("GRANT SELECT ON towns TO ayni_api")
    for table in TABLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO ayni_api")
        op.execute(f"GRANT USAGE ON SEQUENCE {table}_id_seq TO ayni_api")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_town ON {table} TO ayni_api"
            " USING (town_id = current_setting('ayni.town')::int)"
            " WITH CHECK (town_id = current_setting('ayni.town')::int)"
        )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP POLICY own_town ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"REVOKE ALL ON {table} FROM ayni_api")
