"""A shop without a framework: WSGI and psycopg. Run it with `gunicorn --preload shop_wsgi:application`.

    GET /orders    how many orders the tenant has
    POST /orders   adds one
    GET /healthz   needs no tenant
"""

import json
import os

import psycopg

from croft.contrib.wsgi import TenantMiddleware
from croft.tenancy import ConnectionPool, by_subdomain, current

pool = ConnectionPool(lambda placement: psycopg.connect(**placement.connect_kwargs(connect_timeout=10)))


def orders(environ):
    with pool.connection() as connection:
        if environ["REQUEST_METHOD"] == "POST":
            text = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
            connection.execute("INSERT INTO orders (tenant, text) VALUES (%s, %s)", [current().tenant, text])
        count, database = connection.execute("SELECT count(*), current_database() FROM orders").fetchone()
    return {"tenant": current().tenant, "database": database, "orders": count}


def shop(environ, start_response):
    answers = {"/orders": orders, "/healthz": lambda _: {"ok": True}}
    answer = answers.get(environ["PATH_INFO"])
    if answer is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such page\n"]
    body = json.dumps(answer(environ)).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


application = TenantMiddleware(
    shop, resolve=by_subdomain(os.environ.get("SHOP_DOMAIN", "shop.test")), public=["/healthz"]
)
