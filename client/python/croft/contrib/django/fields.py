"""A column of custom fields for Django.

    class Order(models.Model):
        fields = CustomFields("order")

    Order.objects.filter(fields__po_number="4711")
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from croft.tenancy.fields import InvalidFields, fields_of


class CustomFields(models.JSONField):
    """JSON whose values are checked against what the current tenant declares: by forms and ``full_clean``, and once more
    when they are saved.

    :param kind: of the rows, as in the tenant's settings.
    """

    # Else an empty object would not be checked, and a required value could be left out.
    empty_values = [None]

    def __init__(self, kind: str, **options: Any) -> None:
        self.kind = kind
        super().__init__(**{"default": dict, "blank": True} | options)

    def deconstruct(self) -> Any:
        name, path, arguments, options = super().deconstruct()
        return name, path, [self.kind, *arguments], options

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        self._check(value)

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        return self._check(super().pre_save(model_instance, add))

    def _check(self, value: Any) -> Any:
        try:
            return None if value is None else fields_of(self.kind).check(value)
        except InvalidFields as error:
            raise ValidationError([f"{name}: {text}" for name, text in error.errors.items()]) from error
