"""Alembic's entry: the scripts run on the connection that `shared.db.migrations` hands over."""

from shared.db.migrations import run_environment

run_environment()
