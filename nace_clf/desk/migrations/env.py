"Run the scripts in `versions` on the connection that `parts.desk_database` opened"
from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table=context.config.attributes["versions"])
with context.begin_transaction(): context.run_migrations()
