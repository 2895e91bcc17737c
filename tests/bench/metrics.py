"""What counting and a scraper cost a lookup: the CPU time of a daemon with metrics against one without, on loopback, over TLS."""
import contextlib
import http.client
import tempfile
import threading

import lookup
import peers
import wire
from daemon import Daemon
from report import Row

ROUNDS = 9
TENANTS = 1000
# As deploy/monitoring/prometheus.yml has it. Each scrape costs some milliseconds: every second they would be 4 to 6 % here.
SCRAPE_SECONDS = 15


def run(rounds):
    rounds = max(2, rounds or ROUNDS)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="croft-bench."))
        address = f"127.0.0.1:{peers.free_port()}"
        counting = stack.enter_context(Daemon(TENANTS, metrics=address))
        plain = stack.enter_context(Daemon(TENANTS))
        for daemon in (counting, plain):
            daemon.start()
        stack.enter_context(scraped(address))
        sides = [side(daemon) for daemon in (counting, plain)]
        lookup.alternate(sides, rounds, folder)
        return [Row(f"lookup with metrics, scraped every {SCRAPE_SECONDS} s, server CPU", "without metrics", sides[0].cpu, sides[1].cpu,
                    reach=1.03)]


def side(daemon):
    request = wire.message("LookupRequest")(tenant="bench-0")
    return lookup.Server(daemon.pid, daemon.port, "/croft.v1.LookupService/Lookup", request.SerializeToString(), daemon.env)


@contextlib.contextmanager
def scraped(address):
    over = threading.Event()

    def scrape():
        while not over.wait(SCRAPE_SECONDS):
            connection = http.client.HTTPConnection(address, timeout=20)
            connection.request("GET", "/metrics")
            assert b"croft_calls_total" in connection.getresponse().read()
            connection.close()
    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
