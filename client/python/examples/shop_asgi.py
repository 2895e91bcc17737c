"""A shop without a framework: ASGI and asyncpg. Run it with `uvicorn shop_asgi:application`."""

import json
import os

import asyncpg

from croft.contrib.asgi import TenantMiddleware
from croft.tenancy import AsyncConnectionPool, by_subdomain, current

pool = AsyncConnectionPool(lambda placement: asyncpg.connect(**placement.asyncpg_kwargs()))


async def orders(method, text):
    tenant = current().tenant
    async with pool.connection() as connection:
        if method == "POST":
            await connection.execute("INSERT INTO orders (tenant, text) VALUES ($1, $2)", tenant, text)
        count, database = await connection.fetchrow("SELECT count(*), current_database() FROM orders")
    return {"tenant": tenant, "database": database, "orders": count}


async def read_body(receive):
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body.decode()


async def shop(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    status, answer = 200, {"ok": True}
    if scope["path"] == "/orders":
        answer = await orders(scope["method"], await read_body(receive))
    elif scope["path"] != "/healthz":
        status, answer = 404, {"error": "no such page"}
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


application = TenantMiddleware(
    shop,
    resolve=by_subdomain(os.environ.get("SHOP_DOMAIN", "shop.test")),
    public=["/healthz"],
    close=pool.close,
)
