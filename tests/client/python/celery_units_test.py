"""Glue to Celery without a broker of its own: what becomes of a task whose tenant is closed, or is another one now, and how
a worker on gevent ends."""
import subprocess
import sys

import croft
import pytest
from celery import Celery
from celery._state import _task_stack
from celery.exceptions import Ignore, Retry
from croft import StaticLocator, tenancy
from croft.contrib.celery import HEADER, install
from croft.tenancy import current, current_or_none, tenant


class Locator(StaticLocator):
    error = None

    def locate(self, tenant):
        if self.error is not None:
            raise self.error
        return super().locate(tenant)


@pytest.fixture(name="locator")
def one_that_can_refuse():
    locator = Locator({"acme": {"database": "a", "uid": "u-acme"}})
    with tenancy.override(locator):
        yield locator


@pytest.fixture(name="task")
def one_that_tells_its_tenant(locator):
    app = Celery("test", broker="memory://", backend="cache+memory://")
    install(app)

    @app.task(shared=False)
    def task():
        return current().tenant
    return task


def run(task, uid="u-acme"):
    """As a worker does with a message of tenant acme."""
    task.push_request(id="1", called_directly=False, is_eager=False,
                      **{HEADER: {"tenant": "acme", "uid": uid, "role": "app"}})
    _task_stack.push(task)
    try:
        return task()
    finally:
        _task_stack.pop()
        task.pop_request()
        assert current_or_none() is None


def test_a_task_runs_with_the_tenant_of_its_message(task):
    assert run(task) == "acme"


@pytest.mark.parametrize("kind", [croft.TenantSuspended, croft.TenantNotReady, croft.Unavailable])
def test_what_passes_is_waited_for_by_a_retry_that_keeps_the_tenant(kind, task, locator):
    locator.error = kind("not now")
    with pytest.raises(Retry) as raised:
        run(task)
    assert raised.value.when == task.tenant_retry_delay
    with task.app.connection_for_read() as connection:
        message = connection.default_channel.basic_get("celery", no_ack=True)
    assert message.headers[HEADER]["uid"] == "u-acme" and message.headers["retries"] == 1


@pytest.mark.parametrize("kind", [croft.TenantRetired, croft.TenantNotFound])
def test_a_task_of_a_tenant_that_is_gone_is_dropped(kind, task, locator):
    locator.error = kind("gone")
    with pytest.raises(Ignore):
        run(task)


def test_a_task_of_a_former_tenant_of_that_name_is_dropped(task):
    with pytest.raises(Ignore):
        run(task, uid="u-former")


def test_a_task_that_is_called_needs_the_callers_tenant(task):
    with pytest.raises(tenancy.NoTenant):
        task()
    with tenant("acme"):
        assert task() == "acme"


def test_install_comes_before_the_tasks():
    app = Celery("late", broker="memory://")

    @app.task(shared=False)
    def early():
        pass
    app.finalize()
    with pytest.raises(RuntimeError, match="early"):
        install(app)


RESULT_IN_A_CYCLE = """
from gevent import get_hub, monkey
monkey.patch_all()
from celery import Celery
from croft.contrib.celery import install
install(Celery("test"))

class Result:
    def __init__(self):
        self.cycle = self

    def __del__(self):  # as Celery's, which resolves the name of its Redis
        get_hub().threadpool.apply(print, ["collected"])

Result()
"""


def test_a_process_on_gevent_ends_when_a_result_in_a_cycle_needs_a_thread_at_last():
    done = subprocess.run([sys.executable, "-c", RESULT_IN_A_CYCLE], env={"PYTHONPATH": ":".join(sys.path)}, timeout=60,
                          stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "collected\n"
