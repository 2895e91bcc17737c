"""Glue to frameworks, a module each (``croft.contrib.flask``, ``croft.contrib.sqlalchemy``, ...).

A module here imports :mod:`croft.tenancy` and its own framework; nothing outside of here imports either of the two.
"""
