from shop_flask import db

from croft.contrib.alembic import run_migrations

run_migrations(target_metadata=db.metadata)
