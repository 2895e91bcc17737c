"""Example applications with real servers, databases and a control plane, through all changes of their tenants."""
import pytest
from shop import SERVERS, Server, answers_those_without_a_tenant, fleet, live_through_changes


@pytest.mark.parametrize("name", ["wsgi", "gevent", "asgi", "flask", "django", "django_asgi"])
def test_requests_are_served_through_all_changes_of_tenants(name, tmp_path):
    with fleet() as cluster, Server(cluster, tmp_path, SERVERS[name]) as server:
        answers_those_without_a_tenant(server)
        live_through_changes(cluster, server)
