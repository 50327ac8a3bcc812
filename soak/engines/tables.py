"""The tables of the applications that keep their commits in SQL: each commit is a row, and takes one of the slots."""

TABLES = (
    "CREATE TABLE events (n bigint PRIMARY KEY, text text NOT NULL)",
    "CREATE TABLE slots (slot int PRIMARY KEY, n bigint NOT NULL)",
)
EVENTS, SLOTS_HELD = "SELECT n, text FROM events ORDER BY n", "SELECT slot, n FROM slots"
