"""Faults that are no single call's. Each has a cluster of its own."""
from scenarios.copies import copy
from scenarios.disks import catalog_disk, data_disk, journal_disk, mount_data, mount_store, store_disk
from scenarios.networks import BOTH, FROM_AGENT, TO_AGENT, network
from scenarios.twins import twins


class Scenario:
    """`act(place)` does it and looks at what is left; `before_start(cluster)` is called when nothing runs yet."""

    def __init__(self, act, needs_root=False, before_start=None):
        self.act, self.needs_root, self.before_start = act, needs_root, before_start


SCENARIOS = {
    "copy": Scenario(copy),
    "twins": Scenario(twins),
    "network": Scenario(network(BOTH), needs_root=True),
    "network-to-agent": Scenario(network(TO_AGENT), needs_root=True),
    "network-from-agent": Scenario(network(FROM_AGENT), needs_root=True),
    "disk-catalog": Scenario(catalog_disk, needs_root=True),
    "disk-journal": Scenario(journal_disk, needs_root=True),
    "disk-postgres": Scenario(data_disk, needs_root=True, before_start=mount_data),
    "disk-store": Scenario(store_disk, needs_root=True, before_start=mount_store),
}
