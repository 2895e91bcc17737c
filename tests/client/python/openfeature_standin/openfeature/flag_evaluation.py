import dataclasses
import enum
from typing import Any


class Reason(str, enum.Enum):
    DEFAULT = "DEFAULT"
    ERROR = "ERROR"
    STATIC = "STATIC"


@dataclasses.dataclass
class FlagResolutionDetails:
    value: Any
    error_code: str | None = None
    error_message: str | None = None
    reason: str | Reason | None = None
    variant: str | None = None
    flag_metadata: dict = dataclasses.field(default_factory=dict)
