"""The fault runs; called by tests/faults/run, whose head says what they do."""
import argparse
import multiprocessing
import os
import signal
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "harness"))

from cluster import Cluster  # noqa: E402
from actions import ACTIONS, Stock  # noqa: E402
from field import Field, Wrong  # noqa: E402
from ledger import Ledger, Point  # noqa: E402
from own_network import enter_own_network  # noqa: E402
from rest import check_secrets  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402
from faults import strike  # noqa: E402

PROCESSES = ("croftd", "h1", "postgres", "backend", "zombie")
# The operation must go untouched so often in a row before its points are taken to be all.
UNTOUCHED = 2
SKIPPED = 77


def end_from_outside(*_):
    """Cleans up. A second signal, such as one to the whole group after one to its head, does not cut that short."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    sys.exit(143)


class Table:
    """operation x process x points x passed"""

    def __init__(self):
        self._points = self._passed = 0
        self.failures, self.left_out = [], []
        print(f"{'operation':18} {'process':9} {'points':>6} {'passed':>6} {'calls':>6} {'seconds':>8}", flush=True)

    def add(self, operation, process, points, seconds):
        """A row; `seconds` is what all of it took."""
        struck = [point for point in points if point.touched]
        failures = [f"{point.operation} {point.process} {point.at}: {point.failure}" for point in struck if point.failure]
        self.failures += failures
        passed = len(struck) - len(failures)
        self._points += len(struck)
        self._passed += passed
        calls = max((point.calls for point in points), default=0)
        print(f"{operation:18} {process:9} {len(struck):6} {passed:6} {calls:6} {seconds:8.1f}", flush=True)

    def leave_out(self, words):
        self.left_out.append(words)
        print(f"left out: {words}", flush=True)

    def close(self, least):
        """The exit status: fewer points than `least` are no success."""
        print(f"{self._points} points, {self._passed} passed" + (f", {len(self.left_out)} left out" if self.left_out else ""))
        if 0 < self._points < least:
            self.failures.append(f"fewer than {least} points")
        for failure in self.failures:
            print(failure)
        return 1 if self.failures else 0 if self._points else SKIPPED


def strike_all(maker, ledger, operation, process, options):
    """Every point of one operation by one process. Those that the ledger has are not struck again."""
    def strike_at(at):
        return ledger.find(operation, process, at) or strike_one(maker, ledger, operation, process, at, options)

    if options.points:
        undisturbed = strike_at(0)
        return [undisturbed, *(strike_at(at) for at in spread(options.points, undisturbed.calls))]
    points, untouched, at = [], 0, options.first
    while untouched < UNTOUCHED and (not options.last or at <= options.last):
        point = strike_at(at)
        points.append(point)
        untouched = 0 if point.touched else untouched + 1
        at += options.every
    return points


def spread(points, calls):
    """The middles of as many equal parts of all calls."""
    return sorted({1 + (2 * part + 1) * calls // (2 * points) for part in range(points)})


def strike_one(maker, ledger, operation, process, at, options):
    started = time.monotonic()
    place = maker.place()
    try:
        struck = strike(place.field, place.action(operation), process, at)
        point = Point(operation, process, at, struck.touched, struck.calls, struck.seconds)
    except Exception as error:  # pylint: disable=broad-except
        words = f"{type(error).__name__}: {error}"
        point = Point(operation, process, at, True, 0, time.monotonic() - started, words)
        maker.leave(keep_logs=f"{operation}-{process}-{at}")
    ledger.add(point)
    if options.verbose or point.failure:
        print("  " + point.line()[:2000], flush=True)
    return point


def work(rows, done, options):
    """One worker, with a cluster of its own: strikes row after row."""
    signal.signal(signal.SIGTERM, end_from_outside)
    maker, ledger = CellMaker(options), Ledger(options.record)
    try:
        if options.jobs > 1:
            enter_own_network()  # else the port of a daemon that is being started again may be another cluster's choice
        for operation, process in iter(rows.get, None):
            points = strike_all(maker, ledger, operation, process, options)
            done.put((operation, process, points))
        maker.check_secrets()
    except (Wrong, OSError) as error:
        done.put(str(error))
    finally:
        maker.leave()
        done.put(None)


def run_actions(table, options):
    """All rows, shared by as many workers as were asked for."""
    processes = multiprocessing.get_context("fork")
    rows, done = processes.SimpleQueue(), processes.SimpleQueue()
    for process in options.process or ("croftd", "h1"):
        for operation in options.operation or ACTIONS:
            rows.put((operation, process))
    workers = [processes.Process(target=work, args=(rows, done, options)) for _ in range(options.jobs)]
    for worker in workers:
        rows.put(None)
        worker.start()
    try:
        left = len(workers)
        while left:
            said = done.get()
            if said is None:
                left -= 1
            elif isinstance(said, str):
                table.failures.append(said)
            else:
                table.add(*said, sum(point.seconds for point in said[2]))
    except BaseException:
        for worker in workers:
            worker.terminate()
        raise
    finally:
        for worker in workers:
            worker.join()
    if any(worker.exitcode for worker in workers):
        table.failures.append("a worker ended before its work")


def run_scenarios(names, table, options):
    if os.geteuid() == 0:
        enter_own_network()  # where some have daemons listen on more than loopback
    for name in names:
        if SCENARIOS[name].needs_root and os.geteuid() != 0:
            table.leave_out(f"{name}, which needs root")
            continue
        started = time.monotonic()
        failure = run_scenario(name, options)
        took = time.monotonic() - started
        table.add(name, "-", [Point(name, "-", 1, True, 0, took, failure)], took)


def run_scenario(name, options):
    """What went wrong."""
    maker = CellMaker(options, SCENARIOS[name].before_start)
    try:
        SCENARIOS[name].act(maker.place())
        maker.check_secrets()
    except Exception as error:  # pylint: disable=broad-except
        maker.leave(keep_logs=name)
        return f"{type(error).__name__}: {error}"
    finally:
        maker.leave()
    return ""


class Place:
    def __init__(self, before_start=None):
        self.cluster = Cluster(agents=1, before_start=before_start)
        self.cluster.__enter__()
        try:
            self.field = Field(self.cluster)
        except BaseException as error:
            self.cluster.__exit__(type(error), error, error.__traceback__)
            raise
        self.stock = Stock(self.field)
        self._actions = {}

    def action(self, operation):
        if operation not in self._actions:
            self._actions[operation] = ACTIONS[operation](self.field, self.stock)
        return self._actions[operation]


class CellMaker:
    """One cluster for many points; a new one after a failure, whose logs are kept."""

    def __init__(self, options, before_start=None):
        self._options, self._before_start = options, before_start
        self._place = None

    def place(self):
        if self._place is None:
            self._place = Place(self._before_start)
        return self._place

    def check_secrets(self):
        if self._place is not None:
            check_secrets(self._place.field)

    def leave(self, keep_logs=None):
        """The next place is a new one."""
        if keep_logs and self._options.logs and self._place is not None:
            self._keep_logs(keep_logs)
        place, self._place = self._place, None
        if place is not None:
            place.field.hang_up()
            place.cluster.__exit__(None, None, None)

    def _keep_logs(self, name):
        os.makedirs(self._options.logs, exist_ok=True)
        folder = os.path.join(self._place.cluster.state, "log")
        for log in os.listdir(folder):
            with open(os.path.join(folder, log), "rb") as source, \
                    open(os.path.join(self._options.logs, f"{name}-{log}"), "wb") as target:
                target.write(source.read())


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/run")
    parser.add_argument("--operation", action="append", choices=ACTIONS)
    parser.add_argument("--process", action="append", choices=PROCESSES)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--to", type=int, default=0, dest="last")
    parser.add_argument("--scenario", action="append", choices=[*SCENARIOS, "all"])
    parser.add_argument("--least", type=int, default=1)
    parser.add_argument("-j", type=int, default=1, dest="jobs")
    parser.add_argument("--record")
    parser.add_argument("--logs")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    signal.signal(signal.SIGTERM, end_from_outside)
    table = Table()
    if options.scenario:
        run_scenarios(SCENARIOS if "all" in options.scenario else options.scenario, table, options)
    else:
        run_actions(table, options)
    return table.close(options.least)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
