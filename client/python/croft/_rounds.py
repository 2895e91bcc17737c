"""In which order control planes are asked, and for how long each."""

from __future__ import annotations

import time
from collections.abc import Iterator


class Rounds:
    """Remembers which one answered last; shared by threads."""

    def __init__(self) -> None:
        self.preferred = 0

    def one(self, count: int, timeout: float) -> Iterator[tuple[int, float]]:
        """(which, seconds that it may take), each of ``count`` once. To go on means that the last one gave no usable
        answer: the others' calls avoid it, too."""
        deadline = time.monotonic() + timeout
        for left in range(count, 0, -1):
            which = self.preferred
            # A slow one must leave time for the others.
            yield which % count, max(0.001, (deadline - time.monotonic()) / left)
            self.avoid(which)

    def avoid(self, which: int) -> None:
        if self.preferred == which:  # unless another call moved on already
            self.preferred += 1
