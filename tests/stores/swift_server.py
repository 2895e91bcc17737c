"""OpenStack Swift with its s3api, from Debian's packages: one node, one device, one replica, in a folder."""
import contextlib
import os
import pwd
import socket
import subprocess
import sys

from swift.common.ring import RingBuilder

SECTIONS = """
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{nobody}
connect_timeout = 0.05
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
check_bucket_owner = false
location = us-east-1
storage_domain = s3.localhost
max_bucket_listing = 1000
[filter:tempauth]
use = egg:swift#tempauth
user_croft_tester = testing .admin
[filter:slo]
use = egg:swift#slo
rate_limit_after_segment = 10000
[filter:copy]
use = egg:swift#copy
[filter:symlink]
use = egg:swift#symlink
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
"""


class Swift:
    """Answers on `port` of loopback until stop()."""
    key, secret = "croft:tester", "testing"
    keeps_versions = True

    def __init__(self, folder):
        self._folder = folder
        self._processes = []
        ports = {kind: _free_port() for kind in ("proxy", "account", "container", "object")}
        self.port = ports["proxy"]
        self._write("swift.conf", "[swift-hash]\nswift_hash_path_suffix = croft\n"
                                  "[storage-policy:0]\nname = one\ndefault = yes\n")
        os.makedirs(os.path.join(folder, "devices", "d"))
        for kind in ("account", "container", "object"):
            self._make_ring(kind, ports[kind])
            self._write_configuration(kind, ports[kind], f"{kind}-server",
                                      f"[app:{kind}-server]\nuse = egg:swift#{kind}\n")
        pipeline = "catch_errors cache s3api tempauth copy slo versioned_writes symlink proxy-server"
        self._write_configuration(
            "proxy", ports["proxy"], pipeline,
            "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
            + SECTIONS.format(nobody=_free_port()))
        for kind in ports:
            self._start(kind)

    @staticmethod
    def turn(_):
        return contextlib.nullcontext()

    def stop(self):
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait()

    def _write(self, name, text):
        path = os.path.join(self._folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def _write_configuration(self, kind, port, pipeline, sections):
        user = pwd.getpwuid(os.geteuid()).pw_name
        self._write(f"{kind}.conf", f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nworkers = 0\nuser = {user}\n"
                                    f"swift_dir = {self._folder}\ndevices = {self._folder}/devices\n"
                                    "mount_check = false\nlog_level = ERROR\nfallocate_reserve = 0\n"
                                    f"[pipeline:main]\npipeline = {pipeline}\n{sections}")

    def _make_ring(self, kind, port):
        builder = RingBuilder(4, 1, 1)
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "port": port,
                         "replication_ip": "127.0.0.1", "replication_port": port, "device": "d"})
        builder.rebalance()
        builder.get_ring().save(os.path.join(self._folder, f"{kind}.ring.gz"))

    def _start(self, kind):
        # Swift looks for its swift.conf in one place, which an environment variable moves.
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, f"/usr/bin/swift-{kind}-server", os.path.join(self._folder, f"{kind}.conf")],
            env=dict(os.environ, SWIFT_CONF_DIR=self._folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._processes.append(process)


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
