"""A Debian 12 machine of its own: a root that lies over the base, booted by systemd-nspawn, on a bridge with the others."""
import os
import shutil
import signal
import subprocess
import time

BASE = os.path.join(os.environ.get("CROFT_BASE", ""), "root")
BRIDGE = "croft0"
HOSTS = {"croft": "10.77.0.1", "db1": "10.77.0.11", "db2": "10.77.0.12"}


def run(*command, check=True, **options):
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    if check and ran.returncode != 0:
        raise RuntimeError(f"{command} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return ran


def make_bridge():
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "link", "set", BRIDGE, "up")


class Machine:
    """Use as a context manager; it is gone when it ends."""

    def __init__(self, name, folder, shared):
        """`shared` is a folder that all machines see as /srv/croft, as one from an NFS server."""
        self.name, self._folder, self._shared = name, os.path.join(folder, name), shared
        self.root = os.path.join(self._folder, "root")
        self._process = None
        self._leader = None

    def __enter__(self):
        for part in ("upper", "work", "root"):
            os.makedirs(os.path.join(self._folder, part))
        run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={BASE},upperdir={self._folder}/upper,"
            f"workdir={self._folder}/work", self.root)
        self._write("etc/hostname", f"{self.name}.example.com\n")
        self._write("etc/hosts", "127.0.0.1 localhost\n" + "".join(
            f"{address} {name}.example.com {name}\n" for name, address in HOSTS.items()))
        self._write("etc/systemd/network/10-host0.network",
                    f"[Match]\nName=host0\n[Network]\nAddress={HOSTS[self.name]}/24\nLinkLocalAddressing=no\n")
        for unit in ("apt-daily.timer", "apt-daily-upgrade.timer", "man-db.timer", "e2scrub_all.timer"):
            self._mask(unit)
        run("systemctl", f"--root={self.root}", "enable", "systemd-networkd")
        self.boot()
        return self

    def __exit__(self, kind, error, trace):
        if kind:
            print(self.sh("journalctl --no-pager -n 60 -u 'croft*'", check=False).stdout)
        self.power_off()
        run("umount", "--lazy", self.root)
        shutil.rmtree(self._folder)

    def boot(self):
        with open(os.path.join(self._folder, "console"), "ab") as console:
            self._process = subprocess.Popen(  # pylint: disable=consider-using-with
                ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", f"--directory={self.root}",
                 f"--machine={self.name}", f"--network-bridge={BRIDGE}", f"--bind={self._shared}:/srv/croft",
                 "--resolv-conf=off", "--timezone=off"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        wait_until(self._find_leader, f"{self.name} has an init")
        wait_until(lambda: self.sh("systemctl is-system-running", check=False).stdout.strip() in ("running", "degraded"),
                   f"{self.name} is booted", 120)
        wait_until(lambda: self.sh("networkctl --no-legend list host0 | grep routable", check=False).returncode == 0,
                   f"{self.name} has its address")

    def power_off(self):
        """As a cable that is pulled: everything on it ends at once."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def sh(self, script, check=True):
        """Runs a script as root, as one does who is logged in there."""
        command = ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--wdns=/root",
                   "/usr/bin/env", "-i", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                   "DEBIAN_FRONTEND=noninteractive", "/bin/sh", "-ec", script]
        return run(*command, check=check)

    def put(self, *files):
        """Copies files to root's home."""
        for file in files:
            shutil.copy(file, os.path.join(self.root, "root"))

    def file(self, path):
        return os.path.join(self.root, path.lstrip("/"))

    def main_pid(self, unit):
        """Of a unit, as the machine counts; 0 when it does not run."""
        return int(self.sh(f"systemctl show -p MainPID --value {unit}").stdout)

    def _find_leader(self):
        children = run("pgrep", "--parent", str(self._process.pid), check=False).stdout.split()
        self._leader = children[0] if children else None
        return self._leader and self.sh("true", check=False).returncode == 0

    def _mask(self, unit):
        os.symlink("/dev/null", os.path.join(self.root, "etc/systemd/system", unit))

    def _write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def wait_until(condition, what, seconds=60):
    """Returns the first true value of `condition()`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.2)
