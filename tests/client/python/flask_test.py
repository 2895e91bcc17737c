"""The Flask example with gunicorn, real databases and a control plane, through all changes of its tenants."""
from shop import Server, answers_those_without_a_tenant, fleet, live_through_changes

SERVER = ["gunicorn", "--preload", "--workers", "2", "--threads", "4", "--bind", "127.0.0.1:{port}", "shop_flask:app"]


def test_requests_are_served_through_all_changes_of_tenants(tmp_path):
    with fleet() as cluster, Server(cluster, tmp_path, SERVER) as server:
        answers_those_without_a_tenant(server)
        live_through_changes(cluster, server)
