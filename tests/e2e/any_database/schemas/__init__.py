"""Schemas of 300 relations and more, with the kinds of objects that large public applications have."""
