"""Alembic's entry: the service's scripts on the connection that was handed over."""

from shared.db import migrations

migrations.run_environment()
