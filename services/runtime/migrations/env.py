"""Alembic's entry: runs the revisions of one branch on the connection it is given, all in one transaction."""

from alembic import context

options = context.config.attributes
context.configure(
    connection=options["connection"],
    version_table=options["version_table"],
    version_table_schema=options["schema"],
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
options["connection"].commit()
