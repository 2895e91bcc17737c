"""A column of custom fields for SQLAlchemy.

    class Order(Base):
        fields = Column(CustomFields("order"), nullable=False, server_default="{}")

    session.query(Order).filter(Order.fields["po_number"].astext == "4711")     # uses the index that is declared
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from croft.tenancy.fields import fields_of


class CustomFields(TypeDecorator):
    """JSONB whose values are checked, when they are written, against what the current tenant declares.

    :param kind: of the rows, as in the tenant's settings.
    """

    impl = JSONB
    cache_ok = True
    # Of JSONB: `column["name"].astext`.
    comparator_factory = JSONB.Comparator

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        """:raises croft.tenancy.fields.InvalidFields: by SQLAlchemy as the cause of a StatementError."""
        return None if value is None else fields_of(self.kind).check(value)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return JSONB().coerce_compared_value(op, value)
