"""Both Python locators against a control plane whose answers are written here: what they promise, and that one which
is away, slow, old or talks nonsense neither fells them nor takes them back."""
import gc
import threading

import croft
import grpc
import pytest
import scripted
from cluster import wait_until


@pytest.fixture(scope="session", name="certificates")
def made_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    scripted.make_certificates(folder)
    return folder


@pytest.fixture(name="control_plane")
def one_that_is_scripted(certificates):
    control_plane = scripted.ScriptedControlPlane(certificates)
    yield control_plane
    control_plane.stop()


@pytest.fixture(name="another")
def a_second_one(certificates):
    control_plane = scripted.ScriptedControlPlane(certificates)
    yield control_plane
    control_plane.stop()


@pytest.fixture(name="kind", params=scripted.KINDS)
def which_locator(request):
    return scripted.KINDS[request.param]


def ready(kind, control_plane, **others):
    locator = kind(**control_plane.options(**others))
    assert locator.wait_until_ready(20)
    return locator


def outcome(call, *arguments):
    """What the call raises, or None."""
    try:
        call(*arguments)
    except croft.CroftError as error:
        return type(error)
    return None


# --- what is promised


def test_what_the_watch_told_is_answered_without_asking(kind, control_plane):
    control_plane.place("acme", 1, aliases=["shop.acme.com"])
    with ready(kind, control_plane) as locator:
        placement = locator.locate("acme")
        assert (placement.database, placement.stale) == ("d1", False)
        assert locator.locate("shop.acme.com") == placement
    assert control_plane.lookups == []


def test_it_asks_for_its_role_and_purpose(kind, control_plane):
    control_plane.place("acme", 1)
    with ready(kind, control_plane, role="read_only", purpose="pooled") as locator:
        locator.connection_rejected("acme")
    asked = [(request.role, request.purpose) for request in (control_plane.lookups[0], control_plane.watches[0])]
    assert asked == [(2, 2), (2, 2)]


def test_a_renewed_certificate_is_taken_up(kind, certificates):
    scripted.certify(certificates, "first")
    control_plane = scripted.ScriptedControlPlane(certificates, asks_for_certificates=True)
    try:
        control_plane.place("acme", 1)
        options = control_plane.options(token_file=None, certificate_file=str(certificates / "client.crt"),
                                        key_file=str(certificates / "client.key"))
        with kind(**options) as locator:
            assert locator.wait_until_ready(20)
            locator.connection_rejected("acme")
            scripted.certify(certificates, "renewed")
            locator.connection_rejected("acme")
            control_plane.cut_watches()
            control_plane.place("acme", 2)
            wait_until(lambda: locator.locate("acme").generation == 2, "the watch goes on")
    finally:
        control_plane.stop()
    assert control_plane.callers == [b"first", b"renewed"]


def test_a_new_tenant_ends_the_belief_that_there_is_none(kind, control_plane):
    with ready(kind, control_plane, negative_ttl=3600) as locator:
        for _ in range(3):
            with pytest.raises(croft.TenantNotFound):
                locator.locate("acme")
        assert len(control_plane.lookups) == 1
        control_plane.place("acme", 1)
        wait_until(lambda: outcome(locator.locate, "acme") is None, "the create is known")


def test_many_that_miss_ask_once(kind, control_plane):
    control_plane.place("acme", 1)
    control_plane.hold()
    with kind(**control_plane.options(watch=False)) as locator:
        found = []
        threads = [threading.Thread(target=lambda: found.append(locator.locate("acme"))) for _ in range(16)]
        for thread in threads:
            thread.start()
        wait_until(lambda: control_plane.lookups, "one asks")
        control_plane.let_go()
        for thread in threads:
            thread.join()
    assert (len(found), len(control_plane.lookups)) == (16, 1)


def test_a_rejected_connection_asks_exactly_once_more(kind, control_plane):
    control_plane.place("acme", 1)
    with ready(kind, control_plane) as locator:
        assert locator.connection_rejected("acme").generation == 1
    assert len(control_plane.lookups) == 1


def test_pools_are_told_to_turn_over(kind, control_plane):
    control_plane.place("acme", 1)
    told = []
    with ready(kind, control_plane) as locator:
        locator.on_change(lambda tenant, placement: told.append((tenant, placement and placement.generation)))
        control_plane.place("acme", 2)
        wait_until(lambda: ("acme", 2) in told, "of the move")
        control_plane.refuse("acme", 2)
        wait_until(lambda: ("acme", None) in told, "of the retirement")
        with pytest.raises(croft.LookupRefused):
            locator.locate("acme")


def test_a_tenant_that_is_closed_for_growth_is_told_and_keeps_its_pools(kind, control_plane):
    control_plane.place("acme", 1)
    with ready(kind, control_plane) as locator:
        before, told = locator.locate("acme"), []
        locator.on_change(lambda tenant, placement: told.append((tenant, placement.closed_for_growth)))
        control_plane.place("acme", 1, closed_for_growth=True)
        wait_until(lambda: locator.locate("acme").closed_for_growth, "it is closed")
        wait_until(lambda: told == [("acme", True)], "who listens is told")
        assert (before.closed_for_growth, locator.locate("acme").key) == (False, before.key)


def test_each_listener_is_told_whatever_the_others_do_until_it_is_taken_away(kind, control_plane):
    control_plane.place("acme", 1)
    told = {"first": [], "failing": [], "last": []}

    def listener(name, fails=False):
        def tell(tenant, placement):
            told[name].append((tenant, placement.generation))
            if fails:
                raise ZeroDivisionError
        return tell
    with ready(kind, control_plane) as locator:
        first = listener("first")
        locator.on_change(first)
        locator.on_change(first)
        remove_failing = locator.on_change(listener("failing", fails=True))
        locator.on_change(listener("last"))
        control_plane.place("acme", 2)
        wait_until(lambda: told["last"] == [("acme", 2)], "the last one is told")
        assert told["first"] == told["failing"] == [("acme", 2)], "one that is added twice is told once"
        locator.remove_on_change(first)
        remove_failing()
        control_plane.place("acme", 3)
        wait_until(lambda: told["last"] == [("acme", 2), ("acme", 3)], "the last one is told again")
    assert told["first"] == told["failing"] == [("acme", 2)]


def test_a_wrong_identity_is_told_apart_from_a_tenant_out_of_scope(kind, control_plane):
    control_plane.place("acme", 1)
    with kind(**control_plane.options(watch=False, negative_ttl=0)) as locator:
        control_plane.denying = grpc.StatusCode.PERMISSION_DENIED
        with pytest.raises(croft.TenantNotVisible) as error:
            locator.locate("acme")
        assert isinstance(error.value, croft.TenantNotFound) and isinstance(error.value, croft.PermissionDenied)
        control_plane.denying = grpc.StatusCode.UNAUTHENTICATED
        assert outcome(locator.locate, "acme") is croft.Unauthenticated
        control_plane.denying = None
        assert locator.locate("acme").generation == 1


def test_a_key_changes_with_what_a_connection_is_opened_with_and_with_nothing_else(kind, control_plane):
    control_plane.place("acme", 1)
    with ready(kind, control_plane, role="read_only") as locator:
        first = locator.locate("acme")
        assert first.role == "read_only"
        assert locator.connection_rejected("acme").key == first.key
        control_plane.place("acme", 2)
        wait_until(lambda: locator.locate("acme").generation == 2, "it has moved")
        assert locator.locate("acme").key != first.key


def test_a_callback_may_ask_and_may_fail(control_plane):
    control_plane.place("acme", 1)
    control_plane.place("globex", 1)
    asked = threading.Event()
    with croft.Locator(**control_plane.options(watch=False)) as locator:
        def callback(tenant, placement):
            del tenant, placement
            assert locator.locate("globex").tenant == "globex"
            asked.set()
            raise ZeroDivisionError
        locator.locate("acme")
        locator.on_change(callback)
        control_plane.place("acme", 2)
        assert locator.connection_rejected("acme").generation == 2
    assert asked.is_set()


def test_without_a_watch_an_answer_is_asked_again_after_its_time_to_live(kind, control_plane):
    control_plane.ttl = 3600
    control_plane.place("acme", 1)
    with kind(**control_plane.options(watch=False)) as locator:
        assert locator.locate("acme").generation == 1
        control_plane.place("acme", 2)
        assert locator.locate("acme").generation == 1
        control_plane.ttl = 0.001
        assert locator.connection_rejected("acme").generation == 2
        control_plane.place("acme", 3)
        wait_until(lambda: locator.locate("acme").generation == 3, "the new answer")


def test_no_reader_sees_a_generation_go_back_through_a_thousand_moves(kind, control_plane):
    control_plane.place("acme", 1)
    went_back, done = [], threading.Event()
    with ready(kind, control_plane) as locator:
        def read(number):
            seen = 0
            while not done.is_set():
                now = (locator.connection_rejected if number == 0 else locator.locate)("acme").generation
                if now < seen:
                    went_back.append((seen, now))
                seen = now

        readers = [threading.Thread(target=read, args=(number,)) for number in range(8)]
        for reader in readers:
            reader.start()
        for generation in range(2, 1001):
            control_plane.place("acme", generation)
        wait_until(lambda: locator.locate("acme").generation == 1000, "the last move is known")
        done.set()
        for reader in readers:
            reader.join()
    assert went_back == []


def test_an_error_raised_often_holds_on_to_nothing(control_plane):
    with ready(croft.Locator, control_plane, negative_ttl=3600) as locator:
        depths = set()
        for _ in range(20):
            with pytest.raises(croft.TenantNotFound) as error:
                locator.locate("nobody")
            depths.add(len(error.traceback))
        gc.collect()
        assert max(depths) - min(depths) <= 3, "tracebacks must not grow with each raise"


# --- away and slow


def test_the_next_endpoint_is_asked_when_one_is_away(kind, control_plane):
    control_plane.place("acme", 1)
    with kind(**control_plane.options(endpoints=["127.0.0.1:1", control_plane.endpoint])) as locator:
        assert locator.locate("acme").generation == 1
        assert locator.wait_until_ready(20)


def test_the_next_endpoint_is_asked_when_one_is_slow(kind, control_plane, another):
    control_plane.place("acme", 1)
    another.hold()
    options = control_plane.options(endpoints=[another.endpoint, control_plane.endpoint], watch=False, timeout=2)
    with kind(**options) as locator:
        assert locator.locate("acme").generation == 1
    assert len(another.lookups) == 1


def test_what_is_known_is_answered_stale_while_the_control_plane_is_slow(kind, control_plane):
    control_plane.ttl = 0.001
    control_plane.place("acme", 1)
    with kind(**control_plane.options(watch=False, timeout=1)) as locator:
        locator.locate("acme")
        control_plane.hold()
        wait_until(lambda: locator.locate("acme").stale, "nobody answers")
        asked = len(control_plane.lookups)
        assert all(locator.locate("acme").stale for _ in range(100))
        assert len(control_plane.lookups) < asked + 100
        with pytest.raises(croft.Unavailable):
            locator.locate("globex")


def test_answers_become_stale_when_the_watch_falls_silent_and_fresh_when_it_speaks_again(kind, control_plane):
    control_plane.ttl = 0.05
    control_plane.place("acme", 1)
    with ready(kind, control_plane) as locator:
        control_plane.stop()
        wait_until(lambda: locator.locate("acme").stale, "nothing was heard for long")
        with pytest.raises(croft.Unavailable):
            locator.locate("globex")
        control_plane.start()
        wait_until(lambda: not locator.locate("acme").stale, "the watch is back")


def test_a_cut_watch_goes_on_from_where_it_was(kind, control_plane):
    control_plane.place("acme", 1)
    with ready(kind, control_plane) as locator:
        control_plane.cut_watches()
        control_plane.place("acme", 2)
        wait_until(lambda: len(control_plane.watches) > 1, "it is opened again")
        wait_until(lambda: locator.locate("acme").generation == 2, "what came since is told")
    assert control_plane.watches[-1].since.revision >= 1


def test_a_first_set_that_was_cut_is_not_taken_for_the_whole(kind, control_plane):
    control_plane.place("acme", 1)
    control_plane.garble_watch = lambda response: response.ClearField("revision")
    with kind(**control_plane.options()) as locator:
        assert not locator.wait_until_ready(0)
        wait_until(lambda: outcome(locator.locate, "acme") is None, "a part is known")
        assert not locator.wait_until_ready(0)
        control_plane.garble_watch = lambda response: None
        control_plane.cut_watches()
        assert locator.wait_until_ready(20)


def test_calls_under_way_end_when_it_is_closed(kind, control_plane):
    control_plane.hold()
    locator = kind(**control_plane.options(timeout=3600))
    ended = []
    asker = threading.Thread(target=lambda: ended.append(outcome(locator.locate, "acme")))
    asker.start()
    wait_until(lambda: control_plane.lookups, "one asks")
    locator.close()
    asker.join(30)
    assert ended == [croft.Unavailable]


# --- old


def test_a_catalog_of_an_earlier_epoch_changes_nothing(kind, control_plane):
    control_plane.ttl = 0.05
    control_plane.restore_to(2, 0)
    control_plane.place("acme", 6)
    control_plane.place("globex", 1)
    changes = []
    with ready(kind, control_plane) as locator:
        locator.on_change(lambda *change: changes.append(change))
        watches = len(control_plane.watches)
        control_plane.restore_to(1, 1)
        control_plane.place("acme", 2)
        wait_until(lambda: len(control_plane.watches) > watches + 2, "the old one is asked")
        assert locator.locate("acme").generation == 6
        assert locator.connection_rejected("acme").generation == 6
        assert locator.locate("globex").generation == 1
        wait_until(lambda: locator.locate("acme").stale, "nobody confirms it")
        assert changes == []
        control_plane.restore_to(3, 0)
        control_plane.place("acme", 7)
        wait_until(lambda: locator.locate("acme").generation == 7, "the new one is believed")
        wait_until(lambda: outcome(locator.locate, "globex") is croft.TenantNotFound, "what it lacks is forgotten")


def test_a_catalog_of_an_earlier_revision_changes_nothing_until_it_has_caught_up(kind, control_plane):
    control_plane.place("acme", 1)
    control_plane.place("globex", 1)
    control_plane.place("acme", 2)
    with ready(kind, control_plane) as locator:
        watches = len(control_plane.watches)
        control_plane.restore_to(1, 0)
        control_plane.place("acme", 1)
        wait_until(lambda: len(control_plane.watches) > watches + 2, "the old one is asked")
        assert locator.locate("acme").generation == 2
        assert locator.locate("globex").generation == 1
        control_plane.place("acme", 2)
        control_plane.place("acme", 3)
        wait_until(lambda: locator.locate("acme").generation == 3, "it has caught up")


def test_a_snapshot_is_not_undone_by_an_older_catalog(kind, control_plane, tmp_path):
    control_plane.restore_to(2, 0)
    control_plane.place("acme", 4)
    snapshot = str(tmp_path / "snapshot")
    ready(kind, control_plane, snapshot_file=snapshot).close()
    control_plane.restore_to(1, 0)
    control_plane.place("acme", 1)
    watches = len(control_plane.watches)
    with kind(**control_plane.options(snapshot_file=snapshot)) as locator:
        assert locator.locate("acme").generation == 4
        wait_until(lambda: len(control_plane.watches) > watches + 1, "the old one is asked")
        placement = locator.locate("acme")
        assert (placement.generation, placement.stale) == (4, True)


# --- nonsense

INVALID_PLACEMENTS = {
    "nothing": lambda one: one.Clear(),
    "no tenant": lambda one: one.ClearField("tenant"),
    "not a tenant's name": lambda one: setattr(one, "tenant", "hosts/h1"),
    "an empty tenant": lambda one: setattr(one, "tenant", "tenants/"),
    "no uid": lambda one: one.ClearField("uid"),
    "a negative generation": lambda one: setattr(one, "placement_generation", -1),
    "no endpoint": lambda one: one.ClearField("endpoints"),
    "no host": lambda one: one.endpoints[0].ClearField("host"),
    "a port too high": lambda one: setattr(one.endpoints[0], "port", 65536),
    "no database": lambda one: one.endpoints[0].ClearField("database"),
    "no conninfo": lambda one: one.ClearField("conninfo"),
    "a negative epoch": lambda one: setattr(one.revision, "epoch", -7),
}


@pytest.mark.parametrize("what", INVALID_PLACEMENTS)
def test_an_answer_that_makes_no_sense_is_no_answer(kind, control_plane, what):
    control_plane.place("acme", 1)
    control_plane.place("globex", 1)
    with kind(**control_plane.options(watch=False)) as locator:
        locator.locate("acme")
        control_plane.garble_lookup = INVALID_PLACEMENTS[what]
        with pytest.raises(croft.Unavailable):
            locator.locate("globex")
        assert locator.connection_rejected("acme").database == "d1"
        control_plane.garble_lookup = lambda response: None
        assert locator.locate("globex").database == "d1"


def each_change(garble):
    def garble_all(response):
        for change in response.changes:
            garble(change)
    return garble_all


INVALID_WATCHES = {
    "not what changed": each_change(lambda one: one.ClearField("what")),
    "no name": each_change(lambda one: one.ClearField("tenant")),
    "another tenant's placement": each_change(lambda one: setattr(one, "tenant", "tenants/initech")),
    "an empty placement": each_change(lambda one: one.placement.Clear()),
    "a refusal that is none": each_change(lambda one: setattr(one.refused, "code", 0)),
    "an unknown refusal": each_change(lambda one: setattr(one.refused, "code", 999)),
    "no message at all": lambda response: b"\xff\xff\xff\xff garbage",
}


@pytest.mark.parametrize("what", INVALID_WATCHES)
def test_a_watch_that_makes_no_sense_is_opened_again_and_tells_nothing(kind, control_plane, what):
    control_plane.place("acme", 1)
    with ready(kind, control_plane) as locator:
        watches = len(control_plane.watches)
        control_plane.garble_watch = INVALID_WATCHES[what]
        control_plane.place("acme", 2)
        wait_until(lambda: len(control_plane.watches) > watches, "it is opened again")
        assert locator.locate("acme").generation == 1
        control_plane.garble_watch = lambda response: None
        wait_until(lambda: locator.locate("acme").generation == 2, "sense is believed")


def test_a_port_that_is_no_control_plane_is_survived_and_passed_over(kind, control_plane):
    control_plane.place("acme", 1)
    with scripted.babbler() as endpoint:
        with kind(**control_plane.options(endpoints=[endpoint])) as locator, pytest.raises(croft.Unavailable):
            locator.locate("acme")
        with kind(**control_plane.options(endpoints=[endpoint, control_plane.endpoint])) as locator:
            assert locator.locate("acme").generation == 1


def test_a_control_plane_of_another_authority_is_not_believed(kind, control_plane, tmp_path):
    scripted.make_certificates(tmp_path)
    control_plane.place("acme", 99)
    options = control_plane.options(authority_file=str(tmp_path / "ca.crt"), timeout=1)
    with kind(**options) as locator, pytest.raises(croft.Unavailable):
        locator.locate("acme")
    assert control_plane.lookups == []
