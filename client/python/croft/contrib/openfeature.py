"""Features of the current tenant as flags of OpenFeature.

    from openfeature import api

    api.set_provider(CroftProvider())
    api.get_client().get_boolean_value("beta", False)

A flag that the tenant does not have is the default that is asked for, with the reason DEFAULT. Values come from the
locator's cache: no call to the control plane, and about a second after ``croftctl tenant update``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openfeature.event import ProviderEventDetails
from openfeature.exception import InvalidContextError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider import AbstractProvider, Metadata

from croft import tenancy
from croft.placement import Placement
from croft.tenancy import current_or_none


class CroftProvider(AbstractProvider):
    """A provider over the current tenant's features.

    :param role: of the locator whose changes are announced as PROVIDER_CONFIGURATION_CHANGED.
    """

    def __init__(self, *, role: str = "app") -> None:
        self._role = role
        self._unhook: Callable[[], None] = lambda: None

    def get_metadata(self) -> Any:
        return Metadata(name="croft")

    def initialize(self, evaluation_context: Any) -> None:
        self._unhook = tenancy.locator(self._role).on_change(self._changed)

    def shutdown(self) -> None:
        self._unhook()

    def resolve_boolean_details(self, flag_key: str, default_value: bool, evaluation_context: Any = None) -> Any:
        return self._resolve(flag_key, default_value, _is_boolean)

    def resolve_string_details(self, flag_key: str, default_value: str, evaluation_context: Any = None) -> Any:
        return self._resolve(flag_key, default_value, lambda value: isinstance(value, str))

    def resolve_integer_details(self, flag_key: str, default_value: int, evaluation_context: Any = None) -> Any:
        # A number is a float on the wire.
        return self._resolve(flag_key, default_value, lambda value: _is_number(value) and value == int(value), int)

    def resolve_float_details(self, flag_key: str, default_value: float, evaluation_context: Any = None) -> Any:
        return self._resolve(flag_key, default_value, _is_number, float)

    def resolve_object_details(self, flag_key: str, default_value: Any, evaluation_context: Any = None) -> Any:
        return self._resolve(flag_key, default_value, lambda value: isinstance(value, (dict, list)))

    @staticmethod
    def _resolve(
        key: str, default: Any, fits: Callable[[Any], bool], convert: Callable[[Any], Any] = lambda value: value
    ) -> Any:
        placement = current_or_none()
        if placement is None:
            raise InvalidContextError("there is no current tenant")
        facts = {"tenant": placement.tenant}
        missing = object()
        value = tenancy.feature(key, missing)
        if value is missing:
            return FlagResolutionDetails(default, reason=Reason.DEFAULT, flag_metadata=facts)
        if not fits(value):
            raise TypeMismatchError(f"{key} of tenant {placement.tenant} is a {type(value).__name__}")
        return FlagResolutionDetails(convert(value), reason=Reason.STATIC, flag_metadata=facts)

    def _changed(self, tenant: str, placement: Placement | None) -> None:
        self.emit_provider_configuration_changed(ProviderEventDetails(message=f"tenant {tenant} has changed"))


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not _is_boolean(value)
