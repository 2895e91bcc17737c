"""The shop's jobs in Celery. Run a worker with `celery -A shop_celery worker`; CELERY_BROKER names its Redis."""

import os

import psycopg
from celery import Celery, chain, chord

from croft.contrib.celery import for_each_tenant, install
from croft.tenancy import ConnectionPool, current, current_or_none

app = Celery("shop", broker=os.environ["CELERY_BROKER"], backend=os.environ["CELERY_BROKER"])
install(app)
pool = ConnectionPool(lambda placement: psycopg.connect(**placement.connect_kwargs(connect_timeout=10)))


@app.task
def add_order(text):
    with pool.connection() as connection:
        connection.execute("INSERT INTO orders (tenant, text) VALUES (%s, %s)", [current().tenant, text])
    return current().tenant


@app.task
def database(*_):
    with pool.connection() as connection:
        name = connection.execute("SELECT current_database()").fetchone()[0]
    return [current().tenant, name, os.getpid()]


@app.task(bind=True, max_retries=3)
def unlucky(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return current().tenant


@app.task
def gather(answers):
    return [current().tenant, answers]


@app.task(tenant_required=False)
def who():
    placement = current_or_none()
    return placement and placement.tenant


@app.task
def leaking():
    """Tries to leave its tenant behind for the next task."""
    from croft.tenancy import tenant

    tenant("t1").__enter__()
    raise ZeroDivisionError


@app.task(time_limit=2)
def stuck():
    """Is ended by the hard time limit, with its tenant current and a connection in use."""
    with pool.connection() as connection:
        connection.execute("SELECT pg_sleep(60)")


@app.task(tenant_required=False)
def nightly():
    return for_each_tenant(add_order, "app=shop", arguments=["nightly"])


def report():
    """Two in a chain, then many in a chord."""
    return chain(database.si(), database.si()), chord([database.si() for _ in range(4)], gather.s())
