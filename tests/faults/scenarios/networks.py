"""The network between the control plane and an agent carries nothing for a while."""
import os
import signal

from cluster import BIN, run, wait_until
from field import HOST, expect
from rest import check_bystander
from scenarios.common import at_rest, host_state, replaced, stop_postgres
from faults import stopped
from trigger import STOP_ITSELF

TO_AGENT, FROM_AGENT = ("to",), ("from",)
BOTH = TO_AGENT + FROM_AGENT
# An operation, and the call of the agent's at which it loses the network.
CUTS = (("create", 12), ("restore", 40), ("rotate", 1))
NOBODY = "02:00:00:00:00:01"


class Cable:
    """To a namespace for the agent. What is cut is lost without a word, as in a network that is far away."""

    def __init__(self):
        self.name = f"croft{os.getpid()}"
        self.here, self.there = "10.213.77.1", "10.213.77.2"
        ends = self.name + "a", self.name + "b"
        self._inside = ["ip", "-n", self.name]
        # By the direction that it carries: what sets up the sending end, and whom that sends to.
        self._senders = {"to": (["ip"], ends[0], self.there), "from": (self._inside, ends[1], self.here)}

    def __enter__(self):
        (_, here, _), (_, there, _) = self._senders["to"], self._senders["from"]
        run(["ip", "netns", "add", self.name])
        run(["ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name])
        for ip, end, address in ((["ip"], here, self.here), (self._inside, there, self.there)):
            run([*ip, "address", "add", address + "/30", "dev", end])
            run([*ip, "link", "set", end, "up"])
        run([*self._inside, "link", "set", "lo", "up"])
        return self

    def __exit__(self, kind, error, trace):
        run(["ip", "link", "delete", self._senders["to"][1]])
        run(["ip", "netns", "delete", self.name])

    def cut(self, ways):
        """Packets go to a station that is not there."""
        for ip, end, address in map(self._senders.get, ways):
            run([*ip, "neighbour", "replace", address, "lladdr", NOBODY, "dev", end, "nud", "permanent"])

    def mend(self, ways):
        for ip, end, address in map(self._senders.get, ways):
            run([*ip, "neighbour", "delete", address, "dev", end])


def network(ways):
    """The agent loses the control plane in the middle of operations, for longer than its silence is borne."""
    def act(place):
        with Cable() as cable:
            try:
                move_agent(place, cable)
                for operation, at in CUTS:
                    cut_in_the_middle(place, cable, ways, operation, at)
                    at_rest(place.field)
            finally:
                place.field.kill(HOST)
    return act


def move_agent(place, cable):
    """With its PostgreSQL to the far end of the cable."""
    field, cluster = place.field, place.cluster
    port = cluster.env["CROFT_SERVER"].rpartition(":")[2]
    for name in (HOST, "croftd"):
        field.kill(name)
    stop_postgres(os.path.join(cluster.state, "agents", HOST))
    with open(os.path.join(cluster.state, "croftd", "server-names"), "a", encoding="ascii") as names:
        names.write(cable.here + "\n")
    cluster.commands["croftd"] = [*replaced(cluster.commands["croftd"], "--listen", f"0.0.0.0:{port}"),
                               "--advertise", f"{cable.here}:{port}"]
    field.reach = ["ip", "netns", "exec", cable.name]
    # The library leaves the children of what it is loaded into alone, and `ip` is the first.
    cluster.commands[HOST] = [*field.reach, "env", "LD_PRELOAD=" + os.path.join(BIN, "croft_faults.so"),
                           *replaced(cluster.commands[HOST], "--server", f"{cable.here}:{port}")]
    for name in ("croftd", HOST):
        field.launch(name)
    wait_until(field.host_is_up, "the host is up by the cable")


def cut_in_the_middle(place, cable, ways, operation, at):
    field, action = place.field, place.action(operation)
    agent, trigger = place.cluster.pid(HOST), field.triggers[HOST]
    action.prepare()
    trigger.arm(at, STOP_ITSELF)
    begun = field.begin(action.method, **action.fields())
    wait_until(lambda: stopped(agent), f"the agent is at call {at} of {operation}")
    cable.cut(ways)
    try:
        os.kill(agent, signal.SIGCONT)
        wait_until(lambda: host_state(field) == "STATE_AWAY", "the host is away", 90)
        done = field.ask("OperationService.GetOperation", name=begun.name).done
        expect(not (done and "from" in ways), f"{operation} has ended, though its agent could not say so")
        check_bystander(field)
    finally:
        cable.mend(ways)
        trigger.disarm()
    ended = field.finish(begun)
    expect(ended.state == ended.STATE_SUCCEEDED, f"{operation} failed: {ended}")
    expect(place.cluster.pid(HOST) == agent, "the agent ended over it")
    action.check()
