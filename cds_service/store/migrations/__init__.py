"""The database's schema, step by step, by alembic: one history for SQLite and PostgreSQL."""
