"""What the events of a create cost the catalog's writer: its CPU time from the request to READY, decided and committed one by
one, with them and without, on the same catalog."""
import json
import os
import subprocess
import tempfile

from cluster import BIN
from report import Row

ROUNDS = 20
CREATES = 100


def run(rounds):
    with tempfile.TemporaryDirectory(prefix="croft-bench.", dir="/var/tmp") as folder:
        measured = json.loads(subprocess.run(
            [os.path.join(BIN, "bench_event_cost"), "--folder", folder, "--rounds", str(rounds or ROUNDS), "--creates", str(CREATES)],
            stdout=subprocess.PIPE, check=True).stdout)
    return [Row(f"writer: CPU of {CREATES} creates with events", "without events", measured["with"], measured["without"], reach=1.25)]
