import abc
import dataclasses


@dataclasses.dataclass
class Metadata:
    name: str


class AbstractProvider(abc.ABC):
    def attach(self, on_emit):
        self._on_emit = on_emit

    def detach(self):
        del self._on_emit

    def initialize(self, evaluation_context):
        pass

    def shutdown(self):
        pass

    def get_provider_hooks(self):
        return []

    def emit_provider_configuration_changed(self, details):
        if hasattr(self, "_on_emit"):
            self._on_emit(self, "PROVIDER_CONFIGURATION_CHANGED", details)

    @abc.abstractmethod
    def get_metadata(self):
        ...

    @abc.abstractmethod
    def resolve_boolean_details(self, flag_key, default_value, evaluation_context=None):
        ...

    @abc.abstractmethod
    def resolve_string_details(self, flag_key, default_value, evaluation_context=None):
        ...

    @abc.abstractmethod
    def resolve_integer_details(self, flag_key, default_value, evaluation_context=None):
        ...

    @abc.abstractmethod
    def resolve_float_details(self, flag_key, default_value, evaluation_context=None):
        ...

    @abc.abstractmethod
    def resolve_object_details(self, flag_key, default_value, evaluation_context=None):
        ...
