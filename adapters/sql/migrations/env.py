"""What Alembic runs: always on a connection that ``adapters.sql.migrate`` brings along."""

from alembic import context

from adapters.sql.tables import Row

context.configure(connection=context.config.attributes["connection"], target_metadata=Row.metadata, user_module_prefix="types.")
with context.begin_transaction():
    context.run_migrations()
