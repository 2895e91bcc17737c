"""The Pyramid example with gunicorn, real databases and a control plane, through all changes of its tenants."""
from shop import SERVERS, Server, TENANTS, answers_those_without_a_tenant, fleet, live_through_changes


def test_requests_are_served_through_all_changes_of_tenants(tmp_path):
    with fleet() as cluster, Server(cluster, tmp_path, SERVERS["pyramid"]) as server:
        answers_those_without_a_tenant(server)
        one, other = TENANTS[-2:]
        server.ask(one, "POST", body="by traversal")
        assert server.ask(one, path="/1") == (200, {"tenant": one, "text": "by traversal"})
        assert server.ask(other, path="/1")[0] == 404, "the root is each tenant's own"
        assert server.ask(None, path="/1")[0] == 404
        live_through_changes(cluster, server)
