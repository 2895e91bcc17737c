"""Work on many tenants: migrations and other commands over a selector."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from croft.admin import Admin
from croft.placement import Placement
from croft.tenancy._context import tenant


@dataclasses.dataclass
class Report:
    """What came of it. Tenants are ids, ordered."""

    succeeded: list[str] = dataclasses.field(default_factory=list)
    #: Done by an earlier run, which this one resumes.
    skipped: list[str] = dataclasses.field(default_factory=list)
    failed: dict[str, BaseException] = dataclasses.field(default_factory=dict)
    #: Not begun, because of failures.
    left: list[str] = dataclasses.field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.failed and not self.left

    def table(self) -> str:
        """One line for each failure, and a line of counts."""
        width = max(map(len, self.failed), default=0)
        lines = [f"{name:<{width}}  {_first_line(error)}" for name, error in sorted(self.failed.items())]
        counts = f"{len(self.succeeded)} succeeded, {len(self.failed)} failed"
        if self.skipped:
            counts += f", {len(self.skipped)} were done before"
        if self.left:
            counts += f", {len(self.left)} not begun"
        return "\n".join([*lines, counts])


class Progress:
    """Remembers in a file which tenants are done, so that a run after a crash repeats none of them. By uid: another
    tenant of the same name is not done.

    :param key: what is being done; a file of another key is begun anew.
    """

    def __init__(self, path: str | os.PathLike[str], key: str) -> None:
        self._path, self._key = path, key
        self._lock = threading.Lock()
        self._done: dict[str, str] = {}
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
            self._read(file)
        # Written anew: what follows half a line would be lost.
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(json.dumps({"key": key}) + "\n")
            file.writelines(_line(uid, tenant) for uid, tenant in self._done.items())
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{path}.new", path)

    def _read(self, lines: Iterable[str]) -> None:
        for number, line in enumerate(lines):
            try:
                entry = json.loads(line)
            except ValueError:  # the last line of a run that crashed while it wrote
                return
            if number == 0 and entry.get("key") != self._key:
                return
            if number > 0:
                self._done[entry["uid"]] = entry["tenant"]

    def is_done(self, uid: str) -> bool:
        return uid in self._done

    def note(self, placement: Placement) -> None:
        """Lasting when it returns."""
        with self._lock, open(self._path, "a", encoding="utf-8") as file:
            self._done[placement.uid] = placement.tenant
            file.write(_line(placement.uid, placement.tenant))
            file.flush()
            os.fsync(file.fileno())

    def finish(self) -> None:
        """All are done: the next run begins anew."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)


def tenants(selector: str = "", *, state: str = "READY", admin: Admin | None = None) -> Iterator[str]:
    """Ids of tenants by labels, as :meth:`croft.Admin.list` has them, ordered.

    :param admin: by default one is made from the environment.
    """
    with contextlib.ExitStack() as stack:
        admin = admin or stack.enter_context(Admin())
        for one in admin.list(selector=selector, filter=f"state = {state}"):
            yield one.id


def for_each_tenant(
    function: Callable[[Placement], object],
    over: str | Iterable[str] = "",
    *,
    role: str = "app",
    parallel: int = 1,
    canary: int = 0,
    max_failures: int = 0,
    progress: Progress | None = None,
    on_done: Callable[[str, BaseException | None], None] | None = None,
) -> Report:
    """Calls ``function(placement)`` for each tenant, with the tenant current.

    :param over: a selector such as ``app=shop``, or ids.
    :param parallel: threads.
    :param canary: so many tenants first, one after the other; one failure among them ends it.
    :param max_failures: more failures than this and no further tenant is begun; those under way are finished.
    :param progress: tenants that it knows as done are skipped.
    :param on_done: called after each tenant, in the calling thread, with its error or None.
    """
    names = list(tenants(over) if isinstance(over, str) else over)
    report = Report()

    def work(name: str) -> bool:
        with tenant(name, role=role) as placement:
            if progress is not None and progress.is_done(placement.uid):
                return False
            function(placement)
            if progress is not None:
                progress.note(placement)
            return True

    def note(name: str, error: BaseException | None, worked: bool) -> None:
        if error is not None:
            report.failed[name] = error
        else:
            (report.succeeded if worked else report.skipped).append(name)
        if on_done is not None:
            on_done(name, error)

    for name in names[:canary]:
        error, worked = None, False
        try:
            worked = work(name)
        except Exception as failure:
            error = failure
        note(name, error, worked)
        if error is not None:
            report.left = names[names.index(name) + 1 :]
            return report
    _in_threads(names[canary:], work, note, report, parallel, max_failures)
    if report.ok and progress is not None:
        progress.finish()
    return report


def _in_threads(
    names: list[str],
    work: Callable[[str], bool],
    note: Callable[[str, BaseException | None, bool], None],
    report: Report,
    parallel: int,
    max_failures: int,
) -> None:
    waiting = iter(names)
    under_way: dict[Future[bool], str] = {}
    with ThreadPoolExecutor(max(1, parallel), thread_name_prefix="croft-each") as threads:
        while True:
            while len(under_way) < max(1, parallel) and len(report.failed) <= max_failures:
                name = next(waiting, None)
                if name is None:
                    break
                under_way[threads.submit(work, name)] = name
            if not under_way:
                break
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                name = under_way.pop(future)
                error = future.exception()
                note(name, error, error is None and future.result())
    report.left = list(waiting)
    report.succeeded.sort()
    report.skipped.sort()


def _line(uid: str, name: str) -> str:
    return json.dumps({"uid": uid, "tenant": name}) + "\n"


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
