"""What an operator meets in production, planted one by one: status, doctor or the log names the cause and the next step."""
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
import wire
from cluster import BIN, Cluster, run, wait_until
from external import VERSION


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        cluster.create_tenant("acme")
        yield cluster


def doctor(cluster, *arguments):
    """[(state, subject, finding, remedy)] that are not ok."""
    ran = cluster.croftctl("doctor", "-o", "json", *arguments, check=False)
    checks = json.loads(ran.stdout)["checks"]
    return [tuple(check[key] for key in ("state", "subject", "text", "remedy")) for check in checks
            if check["state"] != "ok"]


def found(cluster, subject, text, *arguments, seconds=90):
    """The remedy of the finding on `subject` that says `text`, once doctor has it."""
    def look():
        for _, about, finding, remedy in doctor(cluster, *arguments):
            if subject in about and text in finding:
                return remedy or "none"
        return None
    return wait_until(look, f"doctor says '{text}' of {subject}", seconds)


def attention(cluster):
    """What `status` says that is not well, as {subject: message}."""
    status = json.loads(cluster.croftctl("status", "-o", "json").stdout)
    return {one["subject"]: one["message"] for one in status.get("attention", [])}


def all_is_well(cluster):
    wait_until(lambda: cluster.host_state("h1") == "STATE_UP" and cluster.croftctl("doctor", check=False).returncode == 0 and
               not attention(cluster), "doctor and status find nothing wrong", 90)


def serve(cluster, *options):
    """What croftd says when it is started by hand with that state and does not start."""
    ran = subprocess.run([*cluster.commands["croftd"], *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         timeout=60, check=False)
    assert ran.returncode not in (0, -signal.SIGABRT), ran
    return ran.stderr


def fill(folder):
    """Leaves no byte free on the disk of `folder`; returns the file to remove."""
    filler = os.path.join(folder, "filler")
    run(["sh", "-c", f"dd if=/dev/zero of={filler} bs=4k 2>/dev/null || true"])
    return filler


def test_expired_certificate(cluster, tmp_path):
    """The operator's own, from an organisation's authority."""
    (tmp_path / "index.txt").write_text("")
    (tmp_path / "ca.conf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={tmp_path}/index.txt\nnew_certs_dir={tmp_path}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=IP:127.0.0.1\n")
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{tmp_path}/ca.key", "-out",
         f"{tmp_path}/ca.crt", "-days", "2", "-subj", "/CN=own authority"])
    run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{tmp_path}/own.key", "-out", f"{tmp_path}/own.csr",
         "-subj", "/CN=croft"])
    run(["openssl", "ca", "-batch", "-notext", "-config", f"{tmp_path}/ca.conf", "-keyfile", f"{tmp_path}/ca.key", "-cert",
         f"{tmp_path}/ca.crt", "-in", f"{tmp_path}/own.csr", "-out", f"{tmp_path}/own.crt", "-startdate", "20260101000000Z",
         "-enddate", "20260102000000Z"])
    remedy = found(cluster, f"your certificate {tmp_path}/own.crt", "expired on 2026-01-02T00:00:00Z", "--server",
                   cluster.env["CROFT_SERVER"], "--ca", cluster.env["CROFT_CA"], "--cert", f"{tmp_path}/own.crt", "--key",
                   f"{tmp_path}/own.key")
    assert remedy == "replace it"


def test_postgres_stopped(cluster):
    """It was killed, and a setting of the operator's keeps it from starting; or somebody else stopped it."""
    if cluster.external():
        address = f"port {cluster.postgres_address('h1')[1]}"
        cluster.servers["h1"].stop()
        try:
            assert found(cluster, "host h1", address) != "none"
        finally:
            cluster.servers["h1"].start()
        all_is_well(cluster)
        return
    local = os.path.join(os.path.realpath(os.path.join(cluster.state, "agents", "h1")), "pg", "conf", "local.conf")
    with open(local, "w", encoding="utf-8") as file:
        file.write("shared_buffers = much\n")
    os.kill(cluster.postgres_pid("h1"), signal.SIGKILL)
    try:
        remedy = found(cluster, "host h1", 'invalid value for parameter "shared_buffers"')
        assert "its PostgreSQL is not" in attention(cluster)["host h1"]
        assert "log of h1's agent" in remedy
    finally:
        os.unlink(local)
    all_is_well(cluster)


def test_agent_away(cluster):
    cluster.stop("h1")
    remedy = found(cluster, "host h1", "away since")
    assert "look at its agent" in remedy
    status = json.loads(cluster.croftctl("status", "-o", "json").stdout)
    assert int(status.get("hostsUp", 0)) == 0 and int(status["hostCount"]) == 1
    assert "has been away for" in attention(cluster)["host h1"]
    cluster.start("h1")
    all_is_well(cluster)


def test_port_of_postgres_taken(cluster):
    port = cluster.postgres_address("h1")[1]
    cluster.stop("h1")
    state = os.path.realpath(os.path.join(cluster.state, "agents", "h1"))
    run([os.path.join(BIN, "croft-agent"), "stop-postgres", "--state", state])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        cluster.relaunch("h1")
        found(cluster, "host h1", f"port {port} on 127.0.0.1 is in use by another program; choose another port")
    all_is_well(cluster)


def test_port_of_the_control_plane_taken(cluster):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        copy = os.path.join(cluster.state, "other")
        run([os.path.join(BIN, "croftd"), "init", "--state", copy])
        command = [copy if word == os.path.join(cluster.state, "croftd") else word for word in cluster.commands["croftd"]]
        command[command.index("--listen") + 1] = f"127.0.0.1:{port}"
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        shutil.rmtree(copy)
    assert ran.returncode == 1 and f"127.0.0.1:{port}" in ran.stderr, ran


def relaunch_with_programs(cluster, folder):
    """Starts the agent again, with the client programs in `folder`, until it is started the next time."""
    command = cluster.commands["h1"]
    at = command.index("--client-programs") if "--client-programs" in command else len(command)
    cluster.stop("h1")
    cluster.commands["h1"] = command[:at] + ["--client-programs", folder] + command[at + 2:]
    cluster.relaunch("h1")
    cluster.commands["h1"] = command


def test_old_client_programs(cluster, tmp_path):
    """A server newer than the newest pg_dump."""
    os.chmod(tmp_path, 0o755)
    programs = os.path.join(cluster.state, "programs")
    os.makedirs(os.path.join(programs, "14", "bin"))
    for name in ("pg_dump", "pg_restore"):
        path = os.path.join(programs, "14", "bin", name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho '{name} (PostgreSQL) 14.0'\n")
        os.chmod(path, 0o755)
    version = cluster.call("HostService.GetHost", name="hosts/h1").postgres_version.partition(".")[0]
    relaunch_with_programs(cluster, programs)
    try:
        assert "fix it" in found(cluster, "host h1", f"of version {version}")
    finally:
        cluster.stop("h1")
        cluster.start("h1")
    all_is_well(cluster)


def test_clock_off_by_an_hour(cluster):
    """The agent's machine's. This machine has one clock, so the test says what an agent there would say."""
    host = cluster.call("HostService.GetHost", name="hosts/h1")
    identity = os.path.join(os.path.realpath(os.path.join(cluster.state, "agents", "h1")), "identity")
    cluster.stop("h1")
    report = wire.message("HostReport")(
        postgres_up=True, postgres_version=host.postgres_version, system_identifier=host.system_identifier,
        timeline=host.timeline, advertise_endpoints=host.advertise_endpoints, free_bytes=host.free_bytes,
        stores=host.stores, tls=True, managed=True)
    report.agent_time.FromSeconds(int(time.time()) + 3600)
    hello = wire.message("Hello")(agent_version=host.agent_version, instance_id="an-hour-ahead",
                                  task_kinds=host.task_kinds, report=report)
    ended = threading.Event()

    def messages():
        yield wire.message("ConnectRequest")(hello=hello)
        ended.wait()

    keys = {"CROFT_CERT": os.path.join(identity, "agent.crt"), "CROFT_KEY": os.path.join(identity, "agent.key")}
    with wire.channel({**cluster.env, **keys}) as channel:
        answers = wire.stub("AgentService", channel).Connect(messages())
        try:
            next(answers)
            remedy = found(cluster, "host h1", "its clock is 1h ahead of the control plane's")
            assert remedy != "none"
        finally:
            ended.set()
            answers.cancel()
            cluster.start("h1")
    all_is_well(cluster)


def test_backups_that_fail(cluster):
    programs = os.path.join(cluster.state, "broken")
    for name, line in (("pg_dump", "echo 'pg_dump: error: connection to server was lost' >&2; exit 1"),
                       ("pg_restore", "exit 1")):
        path = os.path.join(programs, VERSION, "bin", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncase $* in *--version*) echo '{name} (PostgreSQL) {VERSION}.99' ;; *) {line} ;; esac\n")
        os.chmod(path, 0o755)
    relaunch_with_programs(cluster, programs)
    try:
        wait_until(lambda: cluster.host_state("h1") == "STATE_UP", "the host is up")
        for _ in range(2):
            assert cluster.croftctl("backup", "create", "acme", check=False).returncode != 0
        remedy = found(cluster, "tenant acme", "its last 2 backups failed")
        assert "croftctl backup create acme" in remedy and "croftctl op get" in remedy
    finally:
        cluster.stop("h1")
        cluster.start("h1")
    wait_until(lambda: cluster.host_state("h1") == "STATE_UP", "the host is up again")
    cluster.croftctl("backup", "create", "acme")
    all_is_well(cluster)


def test_wrong_mode_of_the_keyring(cluster):
    keyring = os.path.join(cluster.state, "croftd", "keyring")
    cluster.stop("croftd")
    os.chmod(keyring, 0o644)
    try:
        said = serve(cluster)
        assert keyring in said and "chmod" in said, said
    finally:
        os.chmod(keyring, 0o600)
        cluster.start("croftd")
    all_is_well(cluster)


def test_catalog_not_writable(cluster):
    """A file system that was mounted again read-only, as Linux does after an error of the disk."""
    folder = os.path.join(cluster.state, "croftd")
    cluster.stop("croftd")
    run(["mount", "--bind", folder, folder])
    run(["mount", "-o", "remount,ro,bind", folder])
    try:
        said = serve(cluster)
        assert folder in said and ("read-only" in said.lower() or "readonly" in said.lower()), said
    finally:
        run(["umount", folder])
        cluster.start("croftd")
    all_is_well(cluster)


def test_full_disk_of_the_control_plane(cluster):
    cluster.stop("croftd")
    folder = os.path.join(cluster.state, "croftd")
    disk = os.path.join(cluster.state, "disk")
    cluster.mount_disk(disk, 64)
    run(["cp", "-a", folder + "/.", disk])
    run(["mount", "--bind", disk, folder])
    try:
        fill(disk)
        said = serve(cluster, "--take-over")
        assert "No space left on device" in said or "disk is full" in said, said
    finally:
        run(["umount", folder])
        cluster.start("croftd")
    all_is_well(cluster)


def test_full_disk_under_the_logs(cluster):
    """Both daemons go on without their logs; when there is room again, these say how much is missing."""
    folder = os.path.join(cluster.state, "log")
    logs = [os.path.join(folder, name + ".log") for name in ("croftd", "h1")]
    cluster.stop("h1", "croftd")
    run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs", folder])
    try:
        filler = fill(folder)
        for name in ("croftd", "h1"):
            cluster.relaunch(name, "--log-level", "debug")
        wait_until(lambda: cluster.croftctl("status", check=False).returncode == 0 and
                   cluster.host_state("h1") == "STATE_UP", "both serve")
        cluster.create_tenant("unlogged")
        assert cluster.psql("unlogged", "SELECT 1") == "1"
        assert [os.path.getsize(log) for log in logs] == [0, 0]
        os.unlink(filler)
        cluster.create_tenant("logged")
        for log in logs:
            with open(log, encoding="utf-8") as file:
                first, *rest = file.read().splitlines()
            assert " warning lines of the log were lost lines=" in first and 'error="No space left on device"' in first
            assert rest
    finally:
        cluster.stop("h1", "croftd")
        run(["umount", folder])
        cluster.start("croftd", "h1")
    all_is_well(cluster)
