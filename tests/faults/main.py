"""The fault runs; called by tests/faults/run, whose head says what they do."""
import argparse
import os
import signal
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "harness"))

from cell import Cell  # noqa: E402
from deeds import DEEDS, Stock  # noqa: E402
from field import Field, Wrong  # noqa: E402
from rest import check_secrets  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402
from strikes import strike  # noqa: E402

PROCESSES = ("croftd", "h1", "postgres", "backend", "zombie")
# The operation must go untouched so often in a row before its points are taken to be all.
UNTOUCHED = 2


class Table:
    """operation x process x points x passed"""

    def __init__(self):
        self._rows = []
        self.failures = []

    def head(self):
        print(f"{'operation':10} {'process':9} {'points':>6} {'passed':>6} {'calls':>6} {'seconds':>8}", flush=True)

    def add(self, operation, process, points, passed, calls, seconds):
        self._rows.append((points, passed))
        print(f"{operation:10} {process:9} {points:6} {passed:6} {calls:6} {seconds:8.1f}", flush=True)

    def close(self):
        print(f"{sum(points for points, _ in self._rows)} points, {sum(passed for _, passed in self._rows)} passed")
        for failure in self.failures:
            print(failure)


def run_deed(cell_maker, operation, process, options, table):
    """Every point of one operation by one process."""
    points = passed = calls = untouched = 0
    started = time.monotonic()
    at = options.first
    place = cell_maker.place()
    while untouched < UNTOUCHED and (not options.last or at <= options.last):
        try:
            struck = strike(place.field, place.deed(operation), process, at)
            calls = max(calls, struck.calls)
            untouched = 0 if struck.touched else untouched + 1
            points += struck.touched
            passed += struck.touched
            if options.verbose:
                print(f"  {operation} {process} {at}: {struck.seconds:.1f} s, {struck.calls} calls", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            points += 1
            table.failures.append(f"{operation} {process} {at}: {type(error).__name__}: {error}")
            print(table.failures[-1][:2000], flush=True)
            place = cell_maker.renew(keep_logs=f"{operation}-{process}-{at}")
        at += options.every
    table.add(operation, process, points, passed, calls, time.monotonic() - started)


def run_scenarios(maker, names, table):
    for name in names:
        started, passed = time.monotonic(), 1
        try:
            SCENARIOS[name](maker.place().field)
        except Exception as error:  # pylint: disable=broad-except
            passed = 0
            table.failures.append(f"{name}: {type(error).__name__}: {error}")
            maker.renew(keep_logs=name)
        table.add(name, "-", 1, passed, 0, time.monotonic() - started)


class Place:
    def __init__(self):
        self.cell = Cell(agents=1)
        self.cell.__enter__()
        self.field = Field(self.cell)
        self.stock = Stock(self.field)
        self._deeds = {}

    def deed(self, operation):
        if operation not in self._deeds:
            self._deeds[operation] = DEEDS[operation](self.field, self.stock)
        return self._deeds[operation]


class CellMaker:
    """One cell for many points; a new one after a failure, whose logs are kept."""

    def __init__(self, options):
        self._options = options
        self._place = None

    def place(self):
        if self._place is None:
            self._place = Place()
        return self._place

    def renew(self, keep_logs):
        if self._options.logs and self._place is not None:
            self._keep_logs(keep_logs)
        self._leave()
        return self.place()

    def close(self):
        if self._place is not None:
            check_secrets(self._place.field)
        self._leave()

    def _leave(self):
        place, self._place = self._place, None
        if place is not None:
            place.cell.__exit__(None, None, None)

    def _keep_logs(self, name):
        os.makedirs(self._options.logs, exist_ok=True)
        folder = os.path.join(self._place.cell.state, "log")
        for log in os.listdir(folder):
            with open(os.path.join(folder, log), "rb") as source, \
                    open(os.path.join(self._options.logs, f"{name}-{log}"), "wb") as target:
                target.write(source.read())


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/run")
    parser.add_argument("--operation", action="append", choices=DEEDS)
    parser.add_argument("--process", action="append", choices=PROCESSES)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--to", type=int, default=0, dest="last")
    parser.add_argument("--scenario", action="append", choices=[*SCENARIOS, "all"])
    parser.add_argument("--logs")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    # Ended from outside, it still cleans up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    table, maker = Table(), CellMaker(options)
    table.head()
    try:
        if options.scenario:
            run_scenarios(maker, SCENARIOS if "all" in options.scenario else options.scenario, table)
        else:
            for process in options.process or ("croftd", "h1"):
                for operation in options.operation or DEEDS:
                    run_deed(maker, operation, process, options, table)
        maker.close()
    except Wrong as error:
        table.failures.append(str(error))
    finally:
        maker._leave()  # pylint: disable=protected-access
    table.close()
    return 1 if table.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
