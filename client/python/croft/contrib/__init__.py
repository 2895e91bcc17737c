"""Glue to frameworks, a module each (``croft.contrib.django``, ``croft.contrib.sqlalchemy``, ...).

What lies here may import ``croft`` and its framework; nothing outside of here imports either of the two kinds. Glue
needs the public names of ``croft`` alone: :meth:`~croft.Locator.locate` before a connection is opened,
:meth:`~croft.Locator.on_change` to turn pools over, :meth:`~croft.Locator.connection_rejected` when PostgreSQL refuses.
"""
