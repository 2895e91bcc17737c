"""A million tenants against a thousand: lookups, memory, start from a cold file, pages of lists."""
import contextlib
import os
import random
import tempfile

import peers
import wire
from daemon import Daemon
from lookup import load
from report import Row

ROUNDS = 5
FEW, MANY = 1_000, 1_000_000
MOST_BYTES, MOST_START_SECONDS, MOST_PAGE_SECONDS = 500e6, 5.0, 0.010
# Few at once: how long one takes, not how many there can be.
CHANNELS, DEPTH, SECONDS = 1, 2, 3

PAGES = {
    "first page": {},
    "largest page": {"page_size": 1000},
    "by state": {"filter": 'state = "READY"'},
    "by a label of all": {"filter": 'labels.app = "bench"'},
    "by a label of one in a hundred": {"filter": 'labels.shard = "7"'},
    "by two labels": {"filter": 'labels.app = "bench" AND labels.shard = "7"'},
    "by a label that nobody has": {"filter": 'labels.app = "nobody"'},
    "by conditions that many meet and nobody both": {"filter": 'labels.app = "bench" AND labels.app != "bench"'},
}


def p99(daemon, folder, tenant):
    """Seconds."""
    path = os.path.join(folder, "request")
    with open(path, "wb") as file:
        file.write(wire.message("LookupRequest")(tenant=tenant).SerializeToString())
    result = load(daemon.env, daemon.port, "/croft.v1.LookupService/Lookup", path, SECONDS, CHANNELS, DEPTH)
    return result["p99_us"] / 1e6


def page_seconds(daemon, request, rounds):
    """Of the first page and of the one after it, each asked `rounds` times."""
    taken = []
    for _ in range(rounds):
        token = ""
        for _ in range(2):
            page, seconds = daemon.timed_call("TenantService.ListTenants", page_token=token, **request)
            taken.append(seconds)
            token = page.next_page_token
            if not token:
                break
    return taken if len(taken) > 1 else taken * 2


def limit(value):
    return [value, value]


def run(rounds):
    rounds = max(2, rounds or ROUNDS)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="croft-bench."))
        few, many = stack.enter_context(Daemon(FEW)), stack.enter_context(Daemon(MANY))
        few.start()
        starts = []
        for _ in range(2):
            many.stop()
            many.forget_cached_files()
            starts.append(many.start())
        resident = [peers.resident_bytes(many.pid)] * 2
        names = random.Random(7)
        slow, fast = [], []
        for number in range(rounds + 1):
            slow.append(p99(many, folder, f"bench-{names.randrange(MANY)}"))
            fast.append(p99(few, folder, f"bench-{names.randrange(FEW)}"))
        del slow[0], fast[0]  # the warm-up
        rows = [Row("scale: lookup p99, 1,000,000 tenants", "1,000 tenants", slow, fast, reach=1.2),
                Row("scale: memory of the daemon", "limit", resident, limit(MOST_BYTES), reach=1, unit="MB"),
                Row("scale: ready from a cold file", "limit", starts, limit(MOST_START_SECONDS), reach=1)]
        for what, request in PAGES.items():
            rows.append(Row(f"scale: list, {what}", "limit", page_seconds(many, request, rounds),
                            limit(MOST_PAGE_SECONDS), reach=1))
        return rows
