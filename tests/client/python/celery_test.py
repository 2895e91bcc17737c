"""Celery with real Redis, workers, databases and a control plane: each task has its sender's tenant and no other."""
import os
import shutil
import subprocess
import sys
import time

import pytest
from billiard.exceptions import TimeLimitExceeded
from cluster import wait_until
from shop import EXAMPLES, TENANTS, environment, fleet, free_port

POOLS = {
    "prefork": ["--pool", "prefork", "--concurrency", "2", "--max-tasks-per-child", "7"],
    "threads": ["--pool", "threads", "--concurrency", "4"],
    "gevent": ["--pool", "gevent", "--concurrency", "8"],
}


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with fleet() as cluster:
        yield cluster


@pytest.fixture(scope="module", name="broker")
def redis(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    with open(folder / "log", "wb") as log, subprocess.Popen(
            [shutil.which("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir",
             str(folder)], stdout=log, stderr=log) as process:
        yield f"redis://127.0.0.1:{port}/0"
        process.terminate()


@pytest.fixture(scope="module", name="shop_celery")
def the_senders_side(cluster, broker):
    """The example's module in this process, which sends tasks."""
    before = dict(os.environ)
    os.environ.update(cluster.env, CELERY_BROKER=broker)
    sys.path.insert(0, EXAMPLES)
    import shop_celery  # pylint: disable=import-error,import-outside-toplevel
    yield shop_celery
    from croft import tenancy  # pylint: disable=import-outside-toplevel
    tenancy.close()
    sys.path.remove(EXAMPLES)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(name="worker", params=POOLS)
def a_worker(request, cluster, broker, shop_celery, tmp_path):
    with open(tmp_path / "log", "wb") as log, subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "shop_celery", "worker", "--without-gossip", "--without-mingle",
             "--loglevel", "INFO", *POOLS[request.param]], cwd=tmp_path, stdout=log, stderr=log,
            env=environment(cluster, tmp_path, CELERY_BROKER=broker)) as process:
        try:
            wait_until(lambda: shop_celery.app.control.ping(timeout=1), "the worker is there", 120)
            yield request.param
        finally:
            process.terminate()
            try:
                code = process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            finally:
                print((tmp_path / "log").read_text()[-6000:])
        assert code == 0


def test_each_task_has_its_senders_tenant_and_leaves_it(cluster, worker, shop_celery):
    from croft.tenancy import NoTenant, tenant  # pylint: disable=import-outside-toplevel
    results = []
    for number in range(60):
        name = TENANTS[number % len(TENANTS)]
        with tenant(name) as placement:
            results.append((name, placement.database, shop_celery.database.delay()))
        if number % 10 == 0:
            with tenant(name):
                shop_celery.leaking.delay()
            results.append((None, None, shop_celery.who.delay()))
    workers = set()
    for name, database, result in results:
        answer = result.get(timeout=60)
        if name is None:
            assert answer is None, "a tenant was left behind"
        else:
            assert answer[:2] == [name, database]
            workers.add(answer[2])
    assert worker != "prefork" or len(workers) > 2, "children are replaced after some tasks"

    with tenant("t2"):
        chained, chorded = shop_celery.report()
        chained, chorded = chained.apply_async(), chorded.apply_async()
        unlucky, later = shop_celery.unlucky.delay(), shop_celery.database.apply_async(countdown=1)
    assert chained.get(timeout=60)[0] == "t2"
    name, answers = chorded.get(timeout=60)
    assert name == "t2" and {answer[0] for answer in answers} == {"t2"} and len(answers) == 4
    assert unlucky.get(timeout=60) == "t2"
    assert later.get(timeout=60)[0] == "t2"

    with pytest.raises(NoTenant):
        shop_celery.database.delay().get(timeout=60)
    with pytest.raises(NoTenant):
        shop_celery.database()

    before = {name: cluster.psql(name, "SELECT count(*) FROM orders") for name in TENANTS}
    assert shop_celery.nightly.delay().get(timeout=60) == len(TENANTS)

    def all_have_one_more():
        return all(int(cluster.psql(name, f"SELECT count(*) FROM orders WHERE tenant = '{name}'")) == int(before[name]) + 1
                   for name in TENANTS)
    wait_until(all_have_one_more, "each tenant was worked for")

    cluster.succeed(cluster.call("TenantService.RotateCredentials", name="tenants/t3", overlap={"seconds": 1}))
    with tenant("t3"):
        assert shop_celery.database.delay().get(timeout=60)[0] == "t3"

    if worker == "prefork":  # the others have no hard limits
        with tenant("t4"):
            stuck = [shop_celery.stuck.delay() for _ in range(2)]
        for result in stuck:
            with pytest.raises(TimeLimitExceeded):
                result.get(timeout=60)
        assert [shop_celery.who.delay().get(timeout=60) for _ in range(4)] == [None] * 4
        with tenant("t5"):
            assert {shop_celery.database.delay().get(timeout=60)[0] for _ in range(4)} == {"t5"}


def test_a_task_of_a_purged_tenant_never_runs_in_a_new_one_of_its_name(cluster, worker, shop_celery):
    from croft.contrib.celery import HEADER  # pylint: disable=import-outside-toplevel
    stale = {HEADER: {"tenant": "t0", "uid": "a-former-one", "role": "app"}}
    gone = {HEADER: {"tenant": "nobody", "uid": "a-former-one", "role": "app"}}
    before = cluster.psql("t0", "SELECT count(*) FROM orders")
    dropped = [shop_celery.add_order.apply_async(["stale"], headers=headers) for headers in (stale, gone)]
    assert shop_celery.who.delay().get(timeout=60) is None
    time.sleep(1)
    assert [result.state for result in dropped] == ["PENDING", "PENDING"], worker
    assert cluster.psql("t0", "SELECT count(*) FROM orders") == before
