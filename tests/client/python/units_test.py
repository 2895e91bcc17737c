"""The parts of the Python client that need no control plane."""
import asyncio
import dataclasses
import ssl
import threading

import croft.aio
import pytest
from croft import Placement, StaticLocator, TenantNotFound, Unavailable
from croft._calls import create, tenants_page, update
from croft._cache import Cache, Knowledge, _options_in
from croft._options import Options
from croft._snapshot import SnapshotFile


def placement(generation, uid="u", **others):
    return Placement(tenant="acme", uid=uid, generation=generation, host="db1", port=7500, database="d", user="t_a",
                     **others)


def at(epoch, revision, generation, uid="u"):
    return Knowledge(placement(generation, uid), None, generation, epoch, revision, 1.0, 1.0)


def test_late_news_does_not_replace_what_is_newer():
    cache = Cache()
    assert cache.learn("acme", (), at(1, 10, 2))
    assert not cache.learn("acme", (), at(1, 9, 1))
    assert cache.find("acme").generation == 2


def test_a_generation_never_goes_back_for_the_same_tenant():
    cache = Cache()
    cache.learn("acme", (), at(1, 10, 5))
    assert not cache.learn("acme", (), at(2, 1, 4))
    assert cache.learn("acme", (), at(2, 2, 1, uid="another life"))


def test_a_restored_catalog_that_does_not_know_yet_takes_nothing_away():
    cache = Cache()
    cache.learn("acme", (), at(1, 10, 5))
    unconfirmed = Unavailable("not shown yet", tenant="acme", reason="TENANT_UNCONFIRMED")
    assert not cache.learn("acme", (), Knowledge(None, unconfirmed, 0, 2, 1, 9.0, 9.0))
    assert cache.find("acme").refusal is None
    assert cache.find("acme").generation == 5
    assert cache.forget_unmentioned(8.0) == []


def test_aliases_follow_the_tenant_that_holds_them():
    cache = Cache()
    cache.learn("acme", ("shop",), at(1, 1, 1))
    cache.learn("globex", ("shop",), at(1, 2, 7))
    cache.learn("acme", (), at(1, 3, 2))
    assert cache.find("shop").generation == 7
    cache.learn("globex", (), at(1, 4, 7))
    assert cache.find("shop") is None


def test_no_reader_sees_a_generation_go_back_through_a_thousand_moves():
    cache = Cache()
    cache.learn("acme", (), at(1, 0, 0))
    went_back, done = [], threading.Event()

    def read():
        seen = 0
        while not done.is_set():
            now = cache.find("acme").placement.generation
            if now < seen:
                went_back.append((seen, now))
            seen = now

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for number in range(1, 1001):
        cache.learn("acme", None, at(1, number, number))
        cache.learn("acme", None, at(1, number - 1, number - 1))
    done.set()
    for reader in readers:
        reader.join()
    assert went_back == []
    assert cache.find("acme").generation == 1000


def test_a_dsn_escapes_what_a_uri_gives_meaning_to():
    odd = placement(1, password="p@ss/w:rd%", sslmode="verify-full", options="-c statement_timeout=0")
    assert odd.dsn() == ("postgresql://t_a:p%40ss%2Fw%3Ard%25@db1:7500/d?sslmode=verify-full"
                         "&options=-c%20statement_timeout%3D0")


def test_passwords_do_not_show_in_a_repr():
    assert "secret" not in repr(placement(1, password="secret"))


@pytest.mark.parametrize(("conninfo", "options"), [
    ("dbname=d options='-c statement_timeout=0' user=u", "-c statement_timeout=0"),
    ("dbname=d", ""),
    (r"options='it\'s' user=u", "it's"),
])
def test_options_are_read_out_of_a_conninfo(conninfo, options):
    assert _options_in(conninfo) == options


def test_a_snapshot_opens_only_under_the_secret_that_sealed_it(tmp_path):
    path = str(tmp_path / "snapshot")
    SnapshotFile(path, b"one", "app/direct").write([(("shop",), at(1, 2, 3))])
    ((aliases, known),) = SnapshotFile(path, b"one", "app/direct").read()
    assert (aliases, known.placement) == (("shop",), placement(3))
    assert SnapshotFile(path, b"two", "app/direct").read() == []
    assert SnapshotFile(path, b"one", "read_only/direct").read() == []
    assert (tmp_path / "snapshot").stat().st_mode & 0o777 == 0o600
    (tmp_path / "snapshot").chmod(0o644)
    assert SnapshotFile(path, b"one", "app/direct").read() == []


@pytest.mark.parametrize(("options", "named"), [
    ({"endpoints": (), "authority_file": "ca"}, "endpoints"),
    ({"endpoints": ("h:1",), "authority_file": ""}, "authority_file"),
    ({"endpoints": ("h:1",), "authority_file": "ca", "key_file": "k"}, "certificate_file"),
    ({"endpoints": ("h:1",), "authority_file": "ca", "role": "root"}, "role"),
    ({"endpoints": ("h:1",), "authority_file": "ca", "purpose": "any"}, "purpose"),
    ({"endpoints": ("h:1",), "authority_file": "ca", "snapshot_file": "s"}, "snapshot_file"),
])
def test_wrong_options_are_named(options, named):
    with pytest.raises(ValueError, match=named):
        Options(**options)


def test_a_static_locator_answers_from_its_file(tmp_path):
    path = tmp_path / "tenants.toml"
    path.write_text('[tenants.acme]\ndatabase = "acme"\naliases = ["shop.acme.com"]\n')
    with StaticLocator(path) as locator:
        assert locator.locate("shop.acme.com").database == "acme"
        with pytest.raises(TenantNotFound):
            locator.locate("globex")
    path.write_text("[tenants.acme]\nuser = 'me'\n")
    with pytest.raises(ValueError, match="database is missing"):
        StaticLocator(path)
    path.write_text("[tenants.acme]\ndatabase = 'a'\n[tenants.globex]\ndatabase = 'g'\naliases = ['acme']\n")
    with pytest.raises(ValueError, match="acme is there twice"):
        StaticLocator(path)


def test_a_static_locator_answers_from_a_dictionary_of_uris_and_fields():
    locator = StaticLocator({"acme": "postgresql://me:p%40ss@db1:7500/acme?sslmode=require&options=-c%20x.y%3D1",
                             "globex": {"database": "g", "aliases": ["shop.globex.com"], "uid": "u7"},
                             "socket": "postgresql:///local?host=/run/sockets"}, role="migrate")
    acme = locator.locate("acme")
    assert (acme.user, acme.password, acme.host, acme.port, acme.database) == ("me", "p@ss", "db1", 7500, "acme")
    assert (acme.sslmode, acme.options, acme.role, acme.uid) == ("require", "-c x.y=1", "migrate", "acme")
    assert locator.locate("shop.globex.com").uid == "u7"
    assert locator.locate("socket").dsn() == "postgresql:///local?host=%2Frun%2Fsockets&port=5432"
    assert locator.tenants() == ["acme", "globex", "socket"]
    with pytest.raises(ValueError, match="postgresql://"):
        StaticLocator({"acme": "mysql://x/y"})


def test_what_is_changed_in_a_static_locator_is_told_as_a_move():
    told = []
    locator = StaticLocator({"acme": {"database": "one"}})
    locator.on_change(lambda tenant, placement: told.append((tenant, placement and placement.database)))
    before = locator.locate("acme")
    locator.set("acme", {"database": "two"})
    locator.remove("acme")
    locator.remove("acme")
    assert told == [("acme", "two"), ("acme", None)]
    assert before.generation == 1
    with pytest.raises(TenantNotFound):
        locator.locate("acme")


def test_a_static_locator_for_asyncio_answers_the_same():
    async def ask():
        async with croft.aio.AsyncStaticLocator({"acme": {"database": "d"}}) as locator:
            with pytest.raises(TenantNotFound):
                await locator.locate("globex")
            return await locator.locate("acme")
    assert asyncio.run(ask()) == StaticLocator({"acme": {"database": "d"}}).locate("acme")


def test_a_key_names_a_login_and_holds_no_secret():
    one = placement(1, password="secret")
    assert hash(one.key) and "secret" not in one.key
    assert dataclasses.replace(one, stale=True, settings={"a": 1}, revision=9).key == one.key
    for change in ({"password": "other"}, {"generation": 2}, {"host": "db2"}, {"user": "t_b"}, {"role": "migrate"},
                   {"uid": "v"}, {"sslmode": "require"}):
        assert dataclasses.replace(one, **change).key != one.key, change


def test_a_sqlalchemy_url_names_its_driver_and_refuses_one_that_needs_more_than_a_url():
    odd = placement(1, password="p@ss", sslmode="verify-full")
    assert odd.sqlalchemy_url() == "postgresql+psycopg2://t_a:p%40ss@db1:7500/d?sslmode=verify-full"
    assert odd.sqlalchemy_url("psycopg").startswith("postgresql+psycopg://")
    with pytest.raises(ValueError, match="asyncpg_kwargs"):
        odd.sqlalchemy_url("asyncpg")


@pytest.mark.parametrize(("sslmode", "verifies", "checks_name"), [
    ("verify-full", ssl.CERT_REQUIRED, True), ("verify-ca", ssl.CERT_REQUIRED, False),
    ("require", ssl.CERT_NONE, False)])
def test_asyncpg_gets_a_context_as_strict_as_the_sslmode(sslmode, verifies, checks_name):
    kwargs = placement(1, password="p", sslmode=sslmode, options="-c a.b=1").asyncpg_kwargs(timeout=5)
    context = kwargs.pop("ssl")
    assert (context.verify_mode, context.check_hostname) == (verifies, checks_name)
    assert kwargs == {"host": "db1", "port": 7500, "database": "d", "user": "t_a", "password": "p", "timeout": 5,
                      "server_settings": {"options": "-c a.b=1"}}


def test_asyncpg_is_told_when_there_is_no_tls():
    assert placement(1, sslmode="disable").asyncpg_kwargs()["ssl"] is False


def test_an_update_names_what_it_changes_and_nothing_else():
    request = update("acme", labels={}, features={"beta": True}).request
    assert list(request.update_mask.paths) == ["labels", "features"]
    with pytest.raises(ValueError, match="at least one field"):
        update("acme")


def test_each_change_carries_an_id_of_its_own():
    ids = {create("acme").request.request_id for _ in range(3)}
    assert len(ids) == 3 and all(len(one) == 36 for one in ids)


def test_a_selector_becomes_a_filter_and_cannot_break_out_of_it():
    assert tenants_page("state = READY", "app=shop, tier!=free,preview", False, 10, "").request.filter == (
        'state = READY AND labels.app = "shop" AND labels.tier != "free" AND labels:preview')
    for bad in ('app="x" OR state=RETIRED', "=x", "a b"):
        with pytest.raises(ValueError, match="selector"):
            tenants_page("", bad, False, 10, "")
