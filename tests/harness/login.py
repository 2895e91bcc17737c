"""A tenant's way into its database, and sessions there that stay open: real psql processes."""
import glob
import os
import select
import shutil
import subprocess
import tempfile
import time
import uuid


class Login:
    """What a lookup answered, as libpq's variables. Its files are gone when it is closed."""

    def __init__(self, found):
        self.address, self.password = found.endpoints[0], found.password
        self.user, self.database = self.address.user, self.address.database
        self._folder = tempfile.mkdtemp(prefix="croft-login.")
        root = os.path.join(self._folder, "root.crt")
        with open(root, "w", encoding="utf-8") as file:
            file.write(found.root_certificate)
        self._variables = {"PGHOST": self.address.host, "PGPORT": str(self.address.port), "PGDATABASE": self.database,
                           "PGUSER": self.user, "PGPASSFILE": self._passfile(found.password),
                           "PGSSLMODE": "verify-full", "PGSSLROOTCERT": root, "PATH": os.environ["PATH"],
                           "PGCONNECT_TIMEOUT": "20"}

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def close(self):
        shutil.rmtree(self._folder)

    def variables(self, **other):
        """The environment of a program of libpq's, some of it replaced: PGDATABASE="postgres"."""
        return {**self._variables, **other}

    def parameters(self, **other):
        """The same for libpq.ask, by its keywords: dbname="postgres"."""
        return {"host": self.address.host, "port": self.address.port, "dbname": self.database, "user": self.user,
                "password": self.password, "sslmode": "verify-full", "sslrootcert": self._variables["PGSSLROOTCERT"],
                "gssencmode": "disable", "connect_timeout": "20", **other}

    def session(self, **other):
        return Session(self.variables(**other))

    def refusal(self, conninfo="", **other):
        """Why nobody gets in this way; None when somebody does."""
        done = subprocess.run([*PSQL, "-c", "SELECT 1", "-d", conninfo or other.get("PGDATABASE", self.database)],
                              env=self.variables(**other), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else done.stderr

    def _passfile(self, password):
        path = os.path.join(self._folder, "pass")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write("*:*:*:*:" + password.replace("\\", "\\\\").replace(":", "\\:") + "\n")
        return path


# Debian's `psql` is a script that looks for one of these, which takes longer than most of what is asked here.
PSQL_PROGRAM = max(glob.glob("/usr/lib/postgresql/*/bin/psql"), key=lambda path: int(path.split("/")[4]), default="psql")
PSQL = [PSQL_PROGRAM, "-X", "-q", "-w", "-A", "-t", "-v", "VERBOSITY=verbose"]
OK = "00000"
LOST = "(session lost)"


class Answer:
    """How a statement ended: its SQLSTATE (LOST when the session is gone) and all that was printed."""

    def __init__(self, state, text):
        self.state, self.text = state, text.strip()

    @property
    def ok(self):
        return self.state == OK

    def __repr__(self):
        return f"{self.state}: {self.text}"


class Session:
    """One open session. Statements run one after another; each may be waited for later."""

    def __init__(self, variables):
        self._process = subprocess.Popen(PSQL, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT)
        self._buffer = ""
        self._mark = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def run(self, statement, seconds=60):
        self.send(statement)
        return self.answer(seconds)

    def value(self, statement, seconds=60):
        answer = self.run(statement, seconds)
        assert answer.ok, f"{statement}\n{answer}"
        return answer.text

    def send(self, statement):
        """Does not wait; `answer` does."""
        self._mark = uuid.uuid4().hex
        self._write(f"{statement.rstrip().rstrip(';')};\n\\echo {self._mark} :SQLSTATE\n")

    def answer(self, seconds=60):
        deadline = time.monotonic() + seconds
        while self._mark not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no answer within {seconds} s; so far: {self._buffer!r}")
            data = os.read(self._process.stdout.fileno(), 65536)
            if not data:
                text, self._buffer = self._buffer, ""
                return Answer(LOST, text)
            self._buffer += data.decode(errors="replace")
        text, _, rest = self._buffer.partition(self._mark)
        while "\n" not in rest:
            rest += os.read(self._process.stdout.fileno(), 65536).decode(errors="replace")
        state, _, self._buffer = rest.partition("\n")
        return Answer(state.strip(), text)

    def close(self):
        """Ends it as a client does that goes away, in the middle of a statement too."""
        self._process.kill()
        self._process.wait()
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # what it had not read yet
        self._process.stdout.close()

    def _write(self, text):
        try:
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # `answer` finds out
