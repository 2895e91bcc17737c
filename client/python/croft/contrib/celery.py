"""The tenant of a job in Celery 5.

    app = Celery("shop")
    install(app)

Whoever sends a task sends the current tenant with it, in the message's headers: by name and uid, also through retries,
chains, chords and ETA. Around the task the tenant is current again, and left after it.
"""

from __future__ import annotations

import atexit
import gc
import logging
from typing import Any

import celery
from celery import current_task
from celery.exceptions import Ignore
from celery.signals import before_task_publish

from croft import tenancy
from croft._fork import on_gevent
from croft.errors import TenantNotFound, TenantNotReady, TenantRetired, TenantSuspended, Unavailable
from croft.placement import Placement
from croft.tenancy import NoTenant, current_or_none, tenant, without_tenant

log = logging.getLogger("croft")

#: The message's header: {"tenant": id, "uid": uid, "role": role}.
HEADER = "croft_tenant"

#: What passes: the task is tried again later.
_PASSING = (TenantNotReady, TenantSuspended, Unavailable)
#: What does not: the task is dropped.
_LASTING = (TenantNotFound, TenantRetired)


class TenantTask(celery.Task):
    """A task that runs with its sender's tenant.

    A task that needs none says so: ``@app.task(tenant_required=False)``. While the tenant is suspended, not ready or
    cannot be asked for, the task is tried again: ``tenant_retry_delay`` seconds later, ``tenant_max_retries`` times. A task
    of a tenant that is retired, or was purged, is dropped, also when its name belongs to a new one.
    """

    abstract = True
    tenant_required = True
    tenant_retry_delay = 30
    tenant_max_retries = 120

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        header = self.request.get(HEADER)
        if self.request.called_directly or (header is None and self.request.is_eager):
            self._require(current_or_none())
            return super().__call__(*arguments, **named)
        if header is None:
            self._require(None)
            with without_tenant():
                return super().__call__(*arguments, **named)
        with tenant(self._locate(header)):
            return super().__call__(*arguments, **named)

    def _require(self, placement: Placement | None) -> None:
        if placement is None and self.tenant_required:
            raise NoTenant(f"task {self.name} needs a tenant: send it inside croft.tenancy.tenant(...)")

    def _locate(self, header: dict[str, str]) -> Placement:
        try:
            placement = tenancy.locator(header["role"]).locate(header["tenant"])
        except _PASSING as error:
            raise self.retry(exc=error, countdown=self.tenant_retry_delay, max_retries=self.tenant_max_retries) from error
        except _LASTING as error:
            log.warning("task %s is dropped: %s", self.name, error)
            raise Ignore from error
        if placement.uid != header["uid"]:
            log.warning("task %s is dropped: tenant %s is another one now", self.name, placement.tenant)
            raise Ignore
        return placement


def install(app: celery.Celery) -> None:
    """Makes the app's tasks :class:`TenantTask`. To be called before its tasks are defined.

    :raises RuntimeError: too late: the app has tasks already.
    """
    own = [name for name in app._tasks if not name.startswith("celery.")] if app.finalized else []
    if own:
        raise RuntimeError(f"install: call it before the tasks are defined; there is {own[0]}")
    app.task_cls = TenantTask
    app.__dict__.pop("Task", None)  # it was made of the former class
    before_task_publish.connect(_add_header, weak=False, dispatch_uid="croft")
    atexit.register(_collect_results)


def _collect_results() -> None:
    # When a result of Celery's is collected, it asks Redis, and on gevent that needs native threads. A retry leaves its
    # result in a cycle. The interpreter collects cycles once more at its very end, when it has ended all threads: the
    # process would wait for one without end.
    if on_gevent():
        gc.collect()


def _add_header(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is None or headers.get(HEADER):
        return
    placement = current_or_none()
    if placement is not None:
        headers[HEADER] = {"tenant": placement.tenant, "uid": placement.uid, "role": placement.role}
    elif current_task and current_task.request.get(HEADER):
        # The next of a chain, a chord's callback or a retry, sent by the worker when the task has ended.
        headers[HEADER] = current_task.request.get(HEADER)


def for_each_tenant(
    task: celery.Task, selector: str = "", *, spread: float = 0.0, arguments: Any = (), named: Any = None
) -> int:
    """Sends a task once for each tenant: what a beat entry calls.

    :param spread: seconds over which they begin, evenly.
    :returns: how many.
    """
    names = list(tenancy.tenants(selector))
    for number, name in enumerate(names):
        with tenant(name):
            task.apply_async(arguments, named, countdown=spread * number / len(names) if spread else None)
    return len(names)
