"""A shop in FastAPI with SQLModel, over asyncpg and psycopg2. Run it with `uvicorn shop_fastapi:app`."""

import os
from collections import Counter

from fastapi import BackgroundTasks, Depends, FastAPI, Request
from sqlalchemy import func, text
from sqlmodel import Field, Session, SQLModel, select

from croft.contrib.fastapi import Tenancy, current_tenant
from croft.tenancy import by_subdomain, current


class Order(SQLModel, table=True):
    __tablename__ = "orders"

    id: int = Field(default=None, primary_key=True)
    tenant: str
    text: str


app = FastAPI()
tenancy = Tenancy(
    resolve=by_subdomain(os.environ.get("SHOP_DOMAIN", "shop.test")), public=["/healthz"], session_base=Session
)
tenancy.install(app)
mailed = Counter()


def mail(body):
    mailed[current().tenant] += 1


async def answer(tenant, session):
    count = (await session.execute(select(func.count(Order.id)))).scalar()
    database = (await session.execute(text("SELECT current_database()"))).scalar()
    await session.commit()
    return {"tenant": tenant.tenant, "database": database, "orders": count}


@app.get("/orders")
async def orders(tenant=Depends(current_tenant), session=Depends(tenancy.session)):
    return await answer(tenant, session)


@app.post("/orders")
async def order(
    request: Request, later: BackgroundTasks, tenant=Depends(current_tenant), session=Depends(tenancy.session)
):
    body = (await request.body()).decode()
    session.add(Order(tenant=tenant.tenant, text=body))
    await session.flush()
    later.add_task(mail, body)
    return await answer(tenant, session)


@app.get("/latest")
def latest(tenant=Depends(current_tenant), session=Depends(tenancy.sync_session)):
    order = session.exec(select(Order).order_by(Order.id.desc()).limit(1)).first()
    return {"tenant": tenant.tenant, "latest": order and order.text}


@app.get("/mailed")
def mails(tenant=Depends(current_tenant)):
    return {"tenant": tenant.tenant, "mailed": mailed[tenant.tenant]}


@app.get("/healthz")
def health():
    return {"ok": True}
