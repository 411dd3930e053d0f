"""Alembic's entry: run the revisions on the connection that was handed over."""

from shared.db import migrations

migrations.run_environment()
