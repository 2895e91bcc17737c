"""The floods. Each answers how much it sent, how much of it was cut by the other side, and what was wrong."""
import select
import socket
import ssl
import struct
import time

# What croftd promises: a handshake ends within ten seconds, and so long it waits for a request.
HANDSHAKE_SECONDS = 10
REQUEST_SECONDS = 30
TIMEOUT_SECONDS = 20  # for what has to be ended beside honest callers on few processors

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, DATA, SETTINGS, PING = 1, 0, 4, 6
END_HEADERS, ACK = 4, 1


def run(attack, env, begun, report):
    """In a process of its own; `begun` is set when the flood is on."""
    try:
        report.put(FLOODS[attack](env, begun))
    finally:
        begun.set()


def silent(env, begun):
    connections = [socket.create_connection(address(env)) for _ in range(500)]
    begun.set()
    cut = drain(connections, HANDSHAKE_SECONDS + TIMEOUT_SECONDS)
    return outcome(500, cut, "" if cut == 500 else f"{500 - cut} silent connections were not cut")


def half(env, begun):
    return half_requests(env, begun, connections=50, each=100, timeout=TIMEOUT_SECONDS)


def endless(env, begun):
    return half_requests(env, begun, connections=1, each=5000, timeout=TIMEOUT_SECONDS)


def held(env, begun):
    known = (env["CROFT_CERT"], env["CROFT_KEY"])
    return half_requests(env, begun, 50, 100, REQUEST_SECONDS + TIMEOUT_SECONDS, known)


def half_requests(env, begun, connections, each, timeout, certificate=None):
    """Each is to be ended: at once for strangers, and for one who is known when its request is late."""
    opened = [Http2(env, certificate) for _ in range(connections)]
    sent = 0
    for number in range(each):
        for connection in opened:
            if connection.alive():
                connection.half_request(1 + 2 * number)
                sent += 1
        if number == each // 10:
            begun.set()
    deadline, ended = time.monotonic() + timeout, 0
    while ended < sent and time.monotonic() < deadline:
        time.sleep(0.1)
        ended = sum(connection.ended() for connection in opened)
    for connection in opened:
        connection.close()
    return outcome(sent, ended, "" if ended == sent else f"{sent - ended} half requests were not ended")


def tokens(env, begun):
    import grpc
    import wire
    with open(env["CROFT_CA"], "rb") as file:
        channel = grpc.secure_channel(env["CROFT_SERVER"], grpc.ssl_channel_credentials(file.read()))
    lookup = wire.stub("LookupService", channel).Lookup
    request = wire.message("LookupRequest")(tenant="acme")
    forged = [("authorization", "Bearer croft_" + "x" * 43)]
    codes, pending = {}, []
    for _ in range(10_000):
        pending.append(lookup.future(request, metadata=forged, timeout=30))
        if len(pending) >= 8:
            code = pending.pop(0).code()
            codes[code.name] = codes.get(code.name, 0) + 1
        begun.set()
    for call in pending:
        codes[call.code().name] = codes.get(call.code().name, 0) + 1
    channel.close()
    refused = codes.get("UNAUTHENTICATED", 0) + codes.get("RESOURCE_EXHAUSTED", 0)
    return outcome(10_000, refused, "" if refused == 10_000 else f"answers were {codes}")


FLOODS = {"silent": silent, "half": half, "tokens": tokens, "endless": endless, "held": held}


def outcome(sent, cut, problem):
    return {"sent": sent, "cut": cut, "problem": problem}


def address(env):
    host, _, port = env["CROFT_SERVER"].rpartition(":")
    return host, int(port)


def drain(connections, seconds):
    """How many the other side closed within that time."""
    deadline, open_ones, cut = time.monotonic() + seconds, set(connections), 0
    while open_ones and time.monotonic() < deadline:
        ready, _, _ = select.select(list(open_ones), [], [], 1)
        for connection in ready:
            try:
                ended = connection.recv(4096) == b""
            except OSError:
                ended = True
            if ended:
                open_ones.discard(connection)
                connection.close()
                cut += 1
    for connection in open_ones:
        connection.close()
    return cut


class Http2:
    """Just enough of HTTP/2, by hand, to say what no library would."""

    def __init__(self, env, certificate=None):
        context = ssl.create_default_context(cafile=env["CROFT_CA"])
        context.set_alpn_protocols(["h2"])
        if certificate:
            context.load_cert_chain(*certificate)
        host = address(env)[0]
        self._socket = context.wrap_socket(socket.create_connection(address(env)), server_hostname=host)
        self._socket.settimeout(10)
        self._alive, self._unread, self._begun, self._ended = True, b"", 0, set()
        self._send(PREFACE + frame(SETTINGS, 0, 0, b""))

    def half_request(self, stream):
        """Headers of a call, and the first bytes of a message that is said to be longer."""
        headers = b"".join([literal(":method", "POST"), literal(":scheme", "https"), literal(":authority", "croft"),
                            literal(":path", "/croft.v1.TenantService/GetTenant"),
                            literal("content-type", "application/grpc"), literal("te", "trailers")])
        self._send(frame(HEADERS, END_HEADERS, stream, headers) +
                   frame(DATA, 0, stream, b"\0" + struct.pack(">I", 1000) + b"half"))
        self._begun += 1
        self._read()

    def alive(self):
        return self._alive

    def ended(self):
        """How many of its requests the server has ended by now, or would not take."""
        self._read()
        return len(self._ended) if self._alive else self._begun

    def close(self):
        self._socket.close()

    def _send(self, data):
        try:
            self._socket.sendall(data)
        except OSError:
            self._alive = False

    def _read(self):
        while self._alive and (self._socket.pending() or select.select([self._socket], [], [], 0)[0]):
            try:
                data = self._socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                self._alive = False
                return
            self._unread += data
            self._take_frames()

    def _take_frames(self):
        while len(self._unread) >= 9:
            size = int.from_bytes(self._unread[:3], "big")
            if len(self._unread) < 9 + size:
                return
            kind, flags = self._unread[3], self._unread[4]
            stream = int.from_bytes(self._unread[5:9], "big") & 0x7FFFFFFF
            payload, self._unread = self._unread[9:9 + size], self._unread[9 + size:]
            if kind == SETTINGS and not flags & ACK:
                self._send(frame(SETTINGS, ACK, 0, b""))
            elif kind == PING and not flags & ACK:
                self._send(frame(PING, ACK, 0, payload))  # it plays along, so that nothing else gives it away
            elif kind == 3 or (kind in (HEADERS, DATA) and flags & 1):
                self._ended.add(stream)


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name, value):
    """A header field that is not indexed, of fewer than 127 bytes each."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
