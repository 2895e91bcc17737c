"""The WSGI and ASGI examples with real servers, databases and a control plane, through all changes of their tenants."""
import pytest
from shop import Server, answers_those_without_a_tenant, fleet, live_through_changes

SERVERS = {
    "gunicorn, threads, preloaded": ["gunicorn", "--preload", "--workers", "2", "--threads", "4", "--bind",
                                     "127.0.0.1:{port}", "shop_wsgi:application"],
    "uvicorn": ["uvicorn", "--port", "{port}", "--log-level", "warning", "shop_asgi:application"],
}


@pytest.mark.parametrize("name", SERVERS)
def test_requests_are_served_through_all_changes_of_tenants(name, tmp_path):
    with fleet() as cluster, Server(cluster, tmp_path, SERVERS[name]) as server:
        answers_those_without_a_tenant(server)
        live_through_changes(cluster, server)
