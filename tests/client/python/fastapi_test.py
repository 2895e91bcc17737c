"""The FastAPI example with uvicorn, real databases and a control plane, through all changes of its tenants."""
from cluster import wait_until
from shop import SERVERS, Server, TENANTS, answers_those_without_a_tenant, fleet, live_through_changes


def test_requests_are_served_through_all_changes_of_tenants(tmp_path):
    with fleet() as cluster, Server(cluster, tmp_path, SERVERS["fastapi"]) as server:
        answers_those_without_a_tenant(server)
        tenant = TENANTS[-1]
        server.ask(tenant, "POST", body="x")
        wait_until(lambda: server.ask(tenant, path="/mailed")[1]["mailed"] == 1,
                   "a background task has its request's tenant")
        assert server.ask(tenant, path="/latest")[1] == {"tenant": tenant, "latest": "x"}
        assert server.ask(TENANTS[0], path="/latest")[1] == {"tenant": TENANTS[0], "latest": None}
        live_through_changes(cluster, server)
