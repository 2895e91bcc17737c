"""SIGHUP has the daemons read again what can be, certificates and the way to somebody else's server, and ends none."""
import os
import signal
import socket
import ssl
import subprocess

import pytest
from cluster import Cluster, run, running, wait_until
from external import VERSION


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        cluster.create_tenant("acme")
        yield cluster


def logged(cluster, name):
    with open(os.path.join(cluster.state, "log", name + ".log"), encoding="utf-8") as file:
        return file.read()


def hang_up(cluster, name, until="were read again"):
    """Sends SIGHUP and returns what the daemon logs from then on, once it says that it is through."""
    before = len(logged(cluster, name))
    os.kill(cluster.pid(name), signal.SIGHUP)
    wait_until(lambda: until in logged(cluster, name)[before:], f"{name} says: {until}", seconds=20)
    return logged(cluster, name)[before:]


def test_both_daemons_go_on_after_sighup_and_log_it(cluster):
    for name in cluster.names():
        pid = cluster.pid(name)
        assert "as SIGHUP asks" in hang_up(cluster, name), name
        hang_up(cluster, name)
        assert running(pid) and cluster.pid(name) == pid, name
    cluster.create_tenant("after")
    assert cluster.psql("after", "SELECT 1") == "1"


def test_an_agent_gives_postgresql_its_certificate_again(cluster):
    folder = os.path.join(cluster.state, "agents", "h1", "pg", "tls")
    path = os.path.join(folder, "server.pem")
    with open(path, "rb") as file:
        good = file.read()
    with open(path, "wb") as file:
        file.write(b"not a certificate")
    hang_up(cluster, "h1")
    with open(path, "rb") as file:
        assert file.read() == good
    assert cluster.psql("acme", "SELECT 1") == "1"


def own_certificate(folder, name):
    """Writes NAME.crt and NAME.key, made anew, under an authority of the test's own."""
    authority = os.path.join(folder, "own-ca")
    if not os.path.exists(authority + ".crt"):
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Own authority", "-days", "2",
             "-keyout", authority + ".key", "-out", authority + ".crt"])
    stem = os.path.join(folder, name)
    run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", stem + ".key",
         "-out", stem + ".csr"])
    with open(stem + ".ext", "w", encoding="ascii") as file:
        file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    run(["openssl", "x509", "-req", "-in", stem + ".csr", "-CA", authority + ".crt", "-CAkey", authority + ".key",
         "-CAcreateserial", "-days", "2", "-extfile", stem + ".ext", "-out", stem + ".crt"])
    os.chmod(stem + ".key", 0o600)
    return authority + ".crt"


def served_name(address):
    """The common name of the certificate that a daemon shows."""
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, int(port)), timeout=5) as plain:
            with context.wrap_socket(plain) as tls:
                shown = ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))
    except OSError:
        return None
    subject = subprocess.run(["openssl", "x509", "-noout", "-subject", "-nameopt", "multiline"], input=shown,
                             capture_output=True, text=True, check=True).stdout
    return subject.rpartition("= ")[2].strip()


def test_a_certificate_of_ones_own_that_was_replaced_is_served_after_sighup(cluster, tmp_path):
    folder = str(tmp_path)
    authority = own_certificate(folder, "first")
    served = os.path.join(folder, "first")
    address = cluster.env["CROFT_SERVER"]
    cluster.stop("croftd")
    cluster.relaunch("croftd", "--tls-cert", served + ".crt", "--tls-key", served + ".key", "--tls-ca", authority)
    try:
        wait_until(lambda: served_name(address) == "first", "the first certificate is served")
        own_certificate(folder, "second")
        for suffix in (".crt", ".key"):
            os.replace(os.path.join(folder, "second" + suffix), served + suffix)
        hang_up(cluster, "croftd")
        wait_until(lambda: served_name(address) == "second", "the second certificate is served", seconds=20)
        with open(served + ".key", "w", encoding="ascii") as file:
            file.write("not a key")
        pid = cluster.pid("croftd")
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: "cannot be renewed" in logged(cluster, "croftd"), "the broken pair is logged")
        assert served_name(address) == "second" and running(pid)
    finally:
        cluster.stop("croftd")
        cluster.start("croftd")


def test_an_agent_of_somebody_elses_server_takes_up_a_new_password():
    with Cluster(postgres=[VERSION]) as cluster:
        server = cluster.servers["h1"]
        cluster.create_tenant("acme")
        server.superuser("ALTER ROLE croft PASSWORD 'quite another one'")
        server.superuser("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'croft'")
        up = lambda: cluster.call("HostService.GetHost", name="hosts/h1").postgres_up
        wait_until(lambda: not up(), "the agent cannot get in by the old password")
        pid = cluster.pid("h1")
        path = server.write_conninfo("'quite another one'")
        hang_up(cluster, "h1", until="the conninfo and the authority were read again")
        wait_until(up, "the agent is in again")
        cluster.create_tenant("globex")
        with open(path, "w", encoding="utf-8") as file:
            file.write("no such form")
        hang_up(cluster, "h1", until="stay as they were")
        cluster.create_tenant("initech")
        assert running(pid) and cluster.pid("h1") == pid
