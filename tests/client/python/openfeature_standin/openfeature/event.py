import dataclasses


@dataclasses.dataclass
class ProviderEventDetails:
    flags_changed: list[str] | None = None
    message: str | None = None
    error_code: str | None = None
    metadata: dict = dataclasses.field(default_factory=dict)
