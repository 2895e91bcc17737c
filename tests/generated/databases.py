"""Databases drawn at random, from seeds that are fixed, of the kinds in kinds.py."""
import random
import re

from course import INCOMPLETE, NOTES, VERIFIED, Case
from kinds import KINDS

# Of all databases; with a hundred, each kind is in some forty.
SHARE = 0.4
# What does not restore is in every second database only, so that the others are proven whole.
SPOILED_SHARE = 0.6


class Generated:
    """The database of a seed."""

    def __init__(self, seed):
        self.seed = seed
        chance = random.Random(seed)
        spoiled_share = SPOILED_SHARE if seed % 2 == 0 else 0
        self.kinds = [kind for kind in KINDS if chance.random() < (spoiled_share if self._spoils(kind) else SHARE)]
        chance.shuffle(self.kinds)
        numbers = {kind: {"n": index + 1, "few": chance.randint(2, 9), "some": chance.randint(50, 400)}
                   for index, kind in enumerate(self.kinds)}
        self.sql = "\n".join(f"-- {kind}\n" + KINDS[kind][1].format(**numbers[kind]) for kind in self.kinds)
        self.case = self._expected(numbers)

    @staticmethod
    def _spoils(kind):
        return INCOMPLETE in KINDS[kind][0].states

    def _expected(self, numbers):
        says, lost, cases = [], ["materialized rows .*"], [KINDS[kind][0] for kind in self.kinds]
        for kind, case in zip(self.kinds, cases):
            says += [fill(pattern, numbers[kind]) for pattern in case.says]
            lost += [fill(pattern, numbers[kind]) for pattern in case.lost]
        return Case(states_of(cases), says=tuple(says), lost=tuple(lost))


def states_of(cases):
    """The states that a database of all these cases may have: the gravest that one of them must have, or graver."""
    order = (VERIFIED, NOTES, INCOMPLETE)
    least = max(min(order.index(state) for state in case.states) for case in cases)
    most = max(max(order.index(state) for state in case.states) for case in cases)
    return order[least:most + 1]


def fill(pattern, numbers):
    """A pattern's own braces stay."""
    return re.sub(r"\{(n|few|some)\}", lambda match: str(numbers[match.group(1)]), pattern)
