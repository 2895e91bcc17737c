"""Tenants on a schedule while processes are killed; called by tests/schedules/run, whose head says what it does."""
import argparse
import concurrent.futures
import os
import random
import signal
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "harness"))

import grpc  # noqa: E402
import wire  # noqa: E402
from account import (Excuses, Run, Slots, Tally, judge_retention, judge_slots, most_at_once,  # noqa: E402
                     times_of_many)
from cluster import Cluster, running, wait_until  # noqa: E402

# How many backups and proofs Croft makes at once on a host.
BUDGET = 2
PAGE = 1000
# After a tenant's last run, until what follows from it is done.
QUIET = 10.0
KINDS = {"BACK_UP": "every", "VERIFY": "prove"}


def seconds_of(timestamp):
    return timestamp.seconds + timestamp.nanos / 1e9


def host_name(name):
    return name.partition("/")[2]


class Fleet:
    """Tenants of a cluster that are backed up and proven by themselves."""

    def __init__(self, cluster, options):
        self.cluster, self.options = cluster, options
        self.tenants = [f"t{n:03}" for n in range(options.tenants)]
        self.uids, self.hosts, self.since, self.slots = {}, {}, {}, {}

    def create(self):
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            list(threads.map(self._create, self.tenants))

    def _create(self, tenant):
        policy = {"keep": self.options.keep, "every": {"seconds": self.options.every},
                  "prove_every": {"seconds": self.options.prove}}
        created = self.cluster.succeed(self.cluster.call(
            "TenantService.CreateTenant", tenant_id=tenant, tenant={"backup_policy": policy}))
        plan, = self.cluster.call("BackupService.ListBackupPlans", parent=f"tenants/{tenant}").plans
        self.slots[tenant, "BACK_UP"] = Slots(self.options.every, seconds_of(plan.next_backup.time))
        self.slots[tenant, "VERIFY"] = Slots(self.options.prove, seconds_of(plan.next_proof.time))
        now = self.cluster.tenant(tenant)
        self.uids[tenant], self.hosts[tenant] = now.uid, host_name(now.placement.host)
        self.since[tenant] = seconds_of(created.end_time)
        self.cluster.psql(tenant, "CREATE TABLE t AS SELECT i, md5(i::text) AS x FROM generate_series(1, 1000) AS i")

    # --- what was done -----------------------------------------------------------------------------------------

    def _pages(self, method, items, **fields):
        found, token = [], ""
        while True:
            page = self.cluster.call(method, page_size=PAGE, page_token=token, **fields)
            found += getattr(page, items)
            token = page.next_page_token
            if not token:
                return found

    def runs(self):
        """All that schedules began, by tenant."""
        by_tenant = {tenant: [] for tenant in self.tenants}
        for operation in self._pages("OperationService.ListOperations", "operations"):
            if operation.caller != "system":
                continue
            kind = operation.Kind.Name(operation.kind).removeprefix("KIND_")
            backup = operation.result if kind == "BACK_UP" else operation.target
            tenant = operation.target.split("/")[1]
            by_tenant[tenant].append(Run(
                name=operation.name, kind=kind, tenant=tenant, backup=backup.rpartition("/")[2],
                host=host_name(operation.steps[0].host), start=seconds_of(operation.create_time),
                end=seconds_of(operation.end_time) if operation.done else float("inf"),
                succeeded=operation.state == operation.STATE_SUCCEEDED))
        for runs in by_tenant.values():
            runs.sort(key=lambda run: run.start)
        return by_tenant

    def backups(self, tenant):
        return {host_name(backup.name).rpartition("/")[2]
                for backup in self._pages("BackupService.ListBackups", "backups", parent=f"tenants/{tenant}")}

    def stored(self, tenant):
        """What lies in the store of the tenant's backups."""
        folder = os.path.join(self.cluster.state, "backups", self.uids[tenant])
        if not os.path.isdir(folder):
            return set()
        return {name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name))}

    def audited(self, method):
        """The operations that the audit names of the method's calls by the control plane itself."""
        events = self._pages("AuditService.ListAuditEvents", "events",
                             filter=f'caller = "system" AND method = "BackupService/{method}"')
        return sorted(name for event in events for name in event.resources if name.startswith("operations/"))


class Strikes:
    """Kills processes at random moments, and notes from when until when nothing could be done where."""

    def __init__(self, fleet, dice):
        self._fleet, self._cluster, self._dice = fleet, fleet.cluster, dice
        self.outages = {host: [] for host in self._cluster.hosts()}
        self.counts = {}

    def go_on_until(self, end):
        while True:
            pause = self._dice.uniform(2, 40)
            if time.time() + pause >= end:
                time.sleep(max(end - time.time(), 0))
                return
            time.sleep(pause)
            self._strike()

    def _strike(self):
        hosts = self._cluster.hosts()
        choices = [["croftd"]] * 3 + [[host] for host in hosts] * 2 + [["postgres " + host] for host in hosts] * 2
        choices.append(["croftd", *hosts, *("postgres " + host for host in hosts)])
        struck = self._dice.choice(choices)
        what = "all of them" if len(struck) > 1 else struck[0]
        self.counts[what] = self.counts.get(what, 0) + 1
        start = time.time()
        for name in struck:
            self._kill(name)
        time.sleep(self._dice.choice([0, 0, self._dice.uniform(0, 12)]))
        for name in struck:
            if not name.startswith("postgres "):
                self._cluster.relaunch(name)
        wait_until(self._all_up, f"all is up again after {struck}", 120)
        for host in hosts:
            if {"croftd", host, "postgres " + host} & set(struck):
                self.outages[host].append((start, time.time()))

    def _kill(self, name):
        if not name.startswith("postgres "):
            self._cluster.kill(name)
            return
        pid = self._cluster.postgres_pid(name.removeprefix("postgres "))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not running(pid), f"{name} is gone")

    def _all_up(self):
        try:
            found = [self._cluster.call("HostService.GetHost", name=f"hosts/{host}") for host in self._cluster.hosts()]
        except grpc.RpcError:
            return False
        return all(host.state == host.STATE_UP and host.postgres_up for host in found)


class Account:
    """Of all tenants, each at a moment when nothing of it is under way."""

    def __init__(self, fleet, outages):
        self._fleet, self._options, self._outages = fleet, fleet.options, outages
        self.tallies = {kind: Tally() for kind in KINDS}
        self.wrong = []
        self.counts = {}
        self.most = {}

    def take(self):
        left = set(self._fleet.tenants)
        deadline = time.time() + 5 * self._options.every
        while left:
            if time.time() > deadline:
                raise TimeoutError(f"never at rest: {sorted(left)}")
            before = self._fleet.runs()
            seen = time.time()
            listed = {tenant: self._fleet.backups(tenant) for tenant in left}
            stored = {tenant: self._fleet.stored(tenant) for tenant in left}
            after = self._fleet.runs()
            for tenant in sorted(left):
                rests = all(run.end + QUIET < seen for run in before[tenant])
                if rests and before[tenant] == after[tenant]:
                    self._judge(tenant, after, listed[tenant], stored[tenant], seen)
                    left.discard(tenant)
            time.sleep(1)
        self._judge_fleet(self._fleet.runs())

    def _judge(self, tenant, all_runs, listed, stored, until):
        runs, host = all_runs[tenant], self._fleet.hosts[tenant]
        self.wrong += [f"{tenant}: {run.name} ({run.kind}) did not succeed" for run in runs if not run.succeeded]
        on_host = [run for others in all_runs.values() for run in others if run.host == host]
        in_the_way = [*self._outages[host], *times_of_many(on_host, BUDGET), *((run.start, run.end) for run in runs)]
        since = self._fleet.since[tenant]
        first = min((run.end for run in runs if run.kind == "BACK_UP"), default=until)
        for kind, option in KINDS.items():
            # What is in the way puts it off by up to three eighths of the interval, and at most five minutes.
            every = getattr(self._options, option)
            # A slot in which there is nothing to prove is served by that.
            nothing = [(since, first + 2 * every)] if kind == "VERIFY" else []
            excuses = Excuses(in_the_way + nothing, min(every * 3 / 8, 300) + 3)
            starts = [run.start for run in runs if run.kind == kind]
            self.tallies[kind].add(judge_slots(f"{tenant} {kind}", self._fleet.slots[tenant, kind], starts, since, until,
                                               excuses))
        self.wrong += judge_retention(tenant, runs, self._options.keep, listed, until)
        if stored != listed:
            self.wrong.append(f"{tenant}: {sorted(stored)} are in the store, {sorted(listed)} are listed")
        for what in [*(run.kind for run in runs), *("kept" for _ in listed)]:
            self.counts[what] = self.counts.get(what, 0) + 1

    def _judge_fleet(self, by_tenant):
        runs = [run for runs in by_tenant.values() for run in runs]
        for host in self._outages:
            self.most[host] = most_at_once([run for run in runs if run.host == host and run.kind in KINDS])
            if self.most[host] > BUDGET:
                self.wrong.append(f"{host}: {self.most[host]} backups and proofs at once")
        for method, kind in (("CreateBackup", "BACK_UP"), ("VerifyBackup", "VERIFY"), ("DeleteBackup", "DELETE_BACKUP")):
            audited = set(self._fleet.audited(method))
            done = {run.name for run in self._flat() if run.kind == kind}
            if not {run.name for run in runs if run.kind == kind} <= audited or not audited <= done:
                self.wrong.append(f"the audit has other calls of {method} than there are operations")

    def _flat(self):
        return [run for runs in self._fleet.runs().values() for run in runs]

    def print(self, counts):
        print(f"killed: {', '.join(f'{what} {count} times' for what, count in sorted(counts.items()))}")
        print(f"{'schedule':10} {'slots':>6} {'on time':>8} {'late':>6} {'made up':>8} {'latest':>8}")
        for kind, tally in self.tallies.items():
            print(f"{kind:10} {tally.slots:6} {tally.on_time:8} {tally.late:6} {tally.made_up:8} {tally.latest:6.1f} s")
        for what, count in sorted(self.counts.items()):
            print(f"{what:14} {count:6}")
        print(f"at once at most: {', '.join(f'{most} on {host}' for host, most in self.most.items())}")


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=int, default=120)
    parser.add_argument("--prove", type=int, default=300)
    parser.add_argument("--keep", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    return parser.parse_args()


def main():
    options = parse_options()
    print(f"seed {options.seed}", flush=True)
    with Cluster(agents=2) as cluster:
        fleet = Fleet(cluster, options)
        fleet.create()
        print(f"{options.tenants} tenants", flush=True)
        strikes = Strikes(fleet, random.Random(options.seed))
        strikes.go_on_until(time.time() + options.minutes * 60)
        account = Account(fleet, strikes.outages)
        account.take()
        account.print(strikes.counts)
        wrong = account.wrong + [line for tally in account.tallies.values() for line in tally.wrong]
        for line in wrong:
            print(f"WRONG: {line}")
        print("passed" if not wrong else f"{len(wrong)} are wrong")
        return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
