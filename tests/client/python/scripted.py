"""A LookupService over TLS whose answers a test writes, and both locators behind one way to call them."""
import asyncio
import contextlib
import os
import subprocess
import threading
from concurrent import futures

import croft
import croft.aio
import grpc
from croft import _messages

LOOK = 0.005


def make_certificates(folder):
    """ca.crt, server.crt and server.key, for 127.0.0.1."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test", "-days", "2")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.crt")


def certify(folder, name):
    """A client's identity, in client.crt and client.key."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "client.key",
            "-out", "client.csr", "-subj", f"/CN={name}")
    openssl("x509", "-req", "-in", "client.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-out", "client.crt")


class ScriptedControlPlane:
    """Every change raises the revision by one."""

    def __init__(self, folder, asks_for_certificates=False):
        self.folder = folder
        self._asks_for_certificates = asks_for_certificates
        if not (folder / "ca.crt").exists():
            make_certificates(folder)
        (folder / "token").write_text("croft_test")
        self._changed = threading.Condition()
        self._epoch, self._revision, self._life = 1, 0, 0
        self._changes = {}
        self._port = 0
        self._server = None
        self.ttl = 60.0
        self.holding = False
        self.denying = None  # a status code that every lookup is answered with
        self.garble_lookup = self.garble_watch = lambda response: None
        self.lookups, self.watches = [], []  # the requests
        self.callers = []  # the names in the certificates that were shown with lookups
        self.start()

    def start(self):
        self._ending = False
        handlers = {
            "Lookup": grpc.unary_unary_rpc_method_handler(
                self._lookup, _messages.LookupRequest.FromString, _messages.LookupResponse.SerializeToString),
            "WatchPlacements": grpc.unary_stream_rpc_method_handler(
                self._watch, _messages.WatchPlacementsRequest.FromString,
                lambda response: response if isinstance(response, bytes) else response.SerializeToString()),
        }
        self._server = grpc.server(futures.ThreadPoolExecutor(32), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("croft.v1.LookupService", handlers)])
        credentials = grpc.ssl_server_credentials(
            [((self.folder / "server.key").read_bytes(), (self.folder / "server.crt").read_bytes())],
            (self.folder / "ca.crt").read_bytes(), self._asks_for_certificates)
        self._port = self._server.add_secure_port(f"127.0.0.1:{self._port}", credentials)
        self._server.start()

    def stop(self):
        if self._server is None:
            return
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        assert self._server.stop(0).wait(60), "it does not end"
        self._server = None

    @property
    def endpoint(self):
        return f"127.0.0.1:{self._port}"

    def options(self, **others):
        return {"endpoints": [self.endpoint], "authority_file": str(self.folder / "ca.crt"),
                "token_file": str(self.folder / "token"), "timeout": 5.0} | others

    # --- the script

    def place(self, tenant, generation, aliases=(), closed_for_growth=False, **endpoint):
        def fill(change):
            placement = change.placement
            placement.tenant, placement.uid = f"tenants/{tenant}", f"uid-{tenant}"
            placement.placement_generation = generation
            placement.endpoints.add(**{"host": "localhost", "port": 7500, "database": f"d{generation}", "user": "me"}
                                    | endpoint)
            placement.conninfo = f"dbname=d{generation}"
            placement.closed_for_growth = closed_for_growth
            self._set_ttl(placement)
            change.aliases.extend(aliases)
        self._change(tenant, generation, fill)

    def refuse(self, tenant, generation):
        def fill(change):
            change.refused.code, change.refused.message = grpc.StatusCode.FAILED_PRECONDITION.value[0], "retired"
        self._change(tenant, generation, fill)

    def remove(self, tenant):
        self._change(tenant, 0, lambda change: setattr(change, "removed", True))

    def restore_to(self, epoch, revision):
        """Another catalog, that holds nothing yet."""
        with self._changed:
            self._epoch, self._revision = epoch, revision
            self._changes.clear()
            self._life += 1
            self._changed.notify_all()

    def cut_watches(self):
        with self._changed:
            self._life += 1
            self._changed.notify_all()

    def hold(self):
        """Lookups wait until they are let go, or given up."""
        self.holding = True

    def let_go(self):
        self.holding = False

    # --- the service

    def _set_ttl(self, placement):
        placement.ttl.seconds, placement.ttl.nanos = int(self.ttl), int(self.ttl % 1 * 1e9)

    def _change(self, tenant, generation, fill):
        with self._changed:
            self._revision += 1
            change = _messages.WatchPlacementsResponse().changes.add(tenant=f"tenants/{tenant}")
            change.placement_generation = generation
            change.revision.epoch, change.revision.revision = self._epoch, self._revision
            fill(change)
            if change.HasField("placement"):
                change.placement.revision.CopyFrom(change.revision)
            self._changes[tenant] = change
            self._changed.notify_all()

    def _lookup(self, request, context):
        with self._changed:
            self.lookups.append(request)
            self.callers += context.auth_context().get("x509_common_name", [])
            while self.holding and not self._ending and context.is_active():
                self._changed.wait(LOOK)
            if self.denying is not None:
                context.abort(self.denying, "denied")
            change = next((one for tenant, one in self._changes.items()
                           if request.tenant in (tenant, *one.aliases) and not one.removed), None)
            if change is None:
                context.abort(grpc.StatusCode.NOT_FOUND, "no such tenant")
            if change.HasField("refused"):
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "retired")
            response = _messages.LookupResponse.FromString(change.placement.SerializeToString())
            self._set_ttl(response)
            self.garble_lookup(response)
            return response

    def _watch(self, request, context):
        with self._changed:
            self.watches.append(request)
            epoch, life, told = self._epoch, self._life, -1
            if request.HasField("since"):
                told = request.since.revision
                if request.since.epoch != epoch or told > self._revision:
                    context.abort(grpc.StatusCode.OUT_OF_RANGE, "another history")
        while True:
            with self._changed:
                if self._ending or (epoch, life) != (self._epoch, self._life) or not context.is_active():
                    return
                response = _messages.WatchPlacementsResponse()
                response.changes.extend(one for one in self._changes.values() if one.revision.revision > told)
                told = self._revision
                response.revision.epoch, response.revision.revision = epoch, told
                answer = self.garble_watch(response) or response
            yield answer
            with self._changed:
                self._changed.wait_for(
                    lambda: self._ending or life != self._life or self._revision > told, 0.2)


class Asynchronous:
    """An AsyncLocator in a loop of its own thread, called as the other one is."""

    def __init__(self, **options):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._locator = self._run(self._make(options))

    @staticmethod
    async def _make(options):
        return croft.aio.AsyncLocator(**options)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def locate(self, tenant):
        return self._run(self._locator.locate(tenant))

    def connection_rejected(self, tenant):
        return self._run(self._locator.connection_rejected(tenant))

    def wait_until_ready(self, timeout=None):
        return self._run(self._locator.wait_until_ready(timeout))

    def on_change(self, callback):
        return self._locator.on_change(callback)

    def remove_on_change(self, callback):
        self._locator.remove_on_change(callback)

    def close(self):
        if self._loop.is_running():
            self._run(self._locator.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()


KINDS = {"sync": croft.Locator, "asyncio": Asynchronous}


@contextlib.contextmanager
def babbler():
    """(endpoint) of a port that takes every connection, says something that is no TLS, and hangs up."""
    import socket
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def babble():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError), peer:
                    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01 PRI * HTTP/2.0" + os.urandom(64))
        thread = threading.Thread(target=babble)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
