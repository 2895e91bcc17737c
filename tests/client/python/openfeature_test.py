"""The provider for OpenFeature, against a stand-in for the interface that its SDK publishes."""
import os
import sys

import pytest
from croft import StaticLocator, tenancy
from croft.tenancy import tenant

STAND_IN = os.path.join(os.path.dirname(__file__), "openfeature_standin")
FEATURES = {"beta": True, "theme": "dark", "seats": 5.0, "ratio": 0.5, "limits": {"rows": 10.0}, "tags": ["a"]}
KINDS = ("boolean", "string", "integer", "float", "object")


@pytest.fixture(name="provider")
def one_that_is_attached(monkeypatch):
    monkeypatch.syspath_prepend(STAND_IN)
    from croft.contrib.openfeature import CroftProvider  # pylint: disable=import-outside-toplevel
    locator = StaticLocator({"acme": {"database": "a", "features": FEATURES}, "globex": {"database": "g"}})
    with tenancy.override(locator):
        provider = CroftProvider()
        provider.events, provider.locator = [], locator
        provider.attach(lambda sender, event, details: provider.events.append((event, details.message)))
        provider.initialize(None)
        yield provider
        provider.shutdown()
    for name in [name for name in sys.modules if name.split(".")[0] == "openfeature" or name.endswith("contrib.openfeature")]:
        del sys.modules[name]


def ask(provider, kind, key, default):
    return getattr(provider, f"resolve_{kind}_details")(key, default)


@pytest.mark.parametrize(("kind", "key", "default", "value"), [
    ("boolean", "beta", False, True), ("string", "theme", "light", "dark"), ("integer", "seats", 1, 5),
    ("float", "ratio", 1.0, 0.5), ("float", "seats", 1.0, 5.0), ("object", "limits", {}, {"rows": 10.0}),
    ("object", "tags", [], ["a"])])
def test_a_flag_is_the_current_tenants_feature(provider, kind, key, default, value):
    with tenant("acme"):
        details = ask(provider, kind, key, default)
    assert (details.value, type(details.value)) == (value, type(value))
    assert (details.reason, details.error_code, details.flag_metadata) == ("STATIC", None, {"tenant": "acme"})


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_tenant_does_not_have_is_the_default(provider, kind):
    default = object()
    with tenant("globex"):
        details = ask(provider, kind, "beta", default)
    assert details.value is default and details.reason == "DEFAULT"


@pytest.mark.parametrize(("kind", "key"), [
    ("boolean", "theme"), ("boolean", "seats"), ("string", "beta"), ("integer", "ratio"), ("integer", "beta"),
    ("float", "beta"), ("float", "theme"), ("object", "theme")])
def test_a_feature_of_another_type_is_a_mismatch(provider, kind, key):
    from openfeature.exception import TypeMismatchError  # pylint: disable=import-error,import-outside-toplevel
    with tenant("acme"), pytest.raises(TypeMismatchError):
        ask(provider, kind, key, None)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_tenant_there_is_no_flag(provider, kind):
    from openfeature.exception import InvalidContextError  # pylint: disable=import-error,import-outside-toplevel
    with pytest.raises(InvalidContextError):
        ask(provider, kind, "beta", None)


def test_changes_are_announced_until_it_is_shut_down(provider):
    provider.locator.set("acme", {"database": "a", "features": {"beta": False}})
    assert provider.events == [("PROVIDER_CONFIGURATION_CHANGED", "tenant acme has changed")]
    with tenant("acme"):
        assert ask(provider, "boolean", "beta", True).value is False
    provider.shutdown()
    provider.locator.set("acme", {"database": "a"})
    assert len(provider.events) == 1
    assert provider.get_metadata().name == "croft"
