"""What alembic runs: the steps, on the connection that it is handed."""

from alembic import context

from cds_service.store.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=False)
context.run_migrations()
