"""A shop in Pyramid with SQLAlchemy and pyramid_tm. Run it with `gunicorn --preload shop_pyramid:application`."""

import os

from pyramid.config import Configurator
from pyramid.view import view_config
from sqlalchemy import BigInteger, Column, Text, func, text
from sqlalchemy.orm import declarative_base

from croft.contrib.pyramid import tenant_root
from croft.tenancy import by_subdomain

Base = declarative_base()


class Order(Base):
    __tablename__ = "orders"

    id = Column(BigInteger, primary_key=True)
    tenant = Column(Text, nullable=False)
    text = Column(Text, nullable=False)


class Shop:
    """The root of a tenant's resources: /1 is the order with the id 1."""

    def __init__(self, request):
        self.session = request.tenant_session

    def __getitem__(self, name):
        order = self.session.get(Order, int(name)) if name.isdecimal() else None
        if order is None:
            raise KeyError(name)
        return order


@view_config(route_name="orders", renderer="json")
def orders(request):
    session = request.tenant_session
    if request.method == "POST":
        session.add(Order(tenant=request.tenant.tenant, text=request.text))
        session.flush()
    count = session.query(func.count(Order.id)).scalar()
    database = session.execute(text("SELECT current_database()")).scalar()
    return {"tenant": request.tenant.tenant, "database": database, "orders": count}


@view_config(context=Order, renderer="json")
def order(context, request):
    return {"tenant": request.tenant.tenant, "text": context.text}


@view_config(route_name="health", renderer="json", require_tenant=False)
def health(request):
    return {"ok": True}


with Configurator(settings={"croft.resolve": by_subdomain(os.environ.get("SHOP_DOMAIN", "shop.test"))}) as config:
    config.include("pyramid_tm")
    config.include("croft.contrib.pyramid")
    config.set_root_factory(tenant_root(Shop))
    config.add_route("orders", "/orders")
    config.add_route("health", "/healthz")
    config.scan()
    application = config.make_wsgi_app()
