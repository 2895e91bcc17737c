"""What came of each point, kept in a file, so that a run that was interrupted goes on where it was."""
import os


class Point:
    """One fault at one call: whether it struck before the operation had ended, and what was wrong after it."""

    def __init__(self, operation, process, at, touched, calls, seconds, failure=""):
        self.operation, self.process, self.at = operation, process, at
        self.touched, self.calls, self.seconds, self.failure = touched, calls, seconds, failure

    @property
    def key(self):
        return self.operation, self.process, self.at

    def line(self):
        what = "failed" if self.failure else "passed" if self.touched else "untouched"
        return "\t".join((self.operation, self.process, str(self.at), what, str(self.calls), f"{self.seconds:.2f}",
                          " ".join(self.failure.split())))

    @classmethod
    def of_line(cls, line):
        operation, process, at, what, calls, seconds, failure = line.rstrip("\n").split("\t")
        return cls(operation, process, int(at), what != "untouched", int(calls), float(seconds), failure)


class Ledger:
    """`path` None: only for this run. A point that failed is tried again by the next run."""

    def __init__(self, path=None):
        self._path = path
        self._points = {}
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    if line.endswith("\n"):  # the last one may be cut
                        point = Point.of_line(line)
                        self._points[point.key] = point
            for key in [key for key, point in self._points.items() if point.failure]:
                del self._points[key]

    def find(self, operation, process, at):
        return self._points.get((operation, process, at))

    def add(self, point):
        self._points[point.key] = point
        if self._path:
            # One write a line: several workers share the file.
            with open(self._path, "ab", buffering=0) as file:
                file.write((point.line() + "\n").encode())
