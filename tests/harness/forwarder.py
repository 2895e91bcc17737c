"""An address that moves: a TCP port whose connections go to the port that is named at the moment."""
import selectors
import socket
import threading


class Forwarder:
    """Use as a context manager. `target` is the port on 127.0.0.1 that connections go to; setting it ends those that
    there are."""

    def __init__(self, target=None):
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._ending = True
        self._thread.join()
        self._listener.close()

    @property
    def target(self):
        return self._target

    @target.setter
    def target(self, port):
        with self._lock:
            self._target = port
            for end in list(self._pairs):
                self._drop(end)

    def _run(self):
        while not self._ending:
            for key, _ in self._selector.select(0.1):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj in self._pairs:
                        self._carry(key.fileobj)
        with self._lock:
            for end in list(self._pairs):
                self._drop(end)

    def _accept(self):
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self._target), 5)
        except (OSError, TypeError):
            client.close()
            return
        for one, other in ((client, server), (server, client)):
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _carry(self, end):
        try:
            data = end.recv(65536)
            if data:
                self._pairs[end].sendall(data)
                return
        except OSError:
            pass
        self._drop(end)

    def _drop(self, end):
        other = self._pairs.pop(end, None)
        for one in (end, other):
            if one is not None and one.fileno() >= 0:
                self._selector.unregister(one)
                one.close()
        self._pairs.pop(other, None)
