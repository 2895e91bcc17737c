"""A shop in Flask with Flask-SQLAlchemy. Run it with `gunicorn --preload shop_flask:app`."""

import os

from flask import Flask, request
from sqlalchemy import func, text

from croft.contrib.flask import Croft, current_tenant, without_tenant
from croft.contrib.flask_sqlalchemy import SQLAlchemy
from croft.tenancy import by_subdomain

app = Flask(__name__)
croft = Croft(app, resolve=by_subdomain(os.environ.get("SHOP_DOMAIN", "shop.test")))
db = SQLAlchemy(app)


class Order(db.Model):
    __tablename__ = "orders"

    id = db.Column(db.BigInteger, primary_key=True)
    tenant = db.Column(db.Text, nullable=False)
    text = db.Column(db.Text, nullable=False)


@app.route("/orders", methods=["GET", "POST"])
def orders():
    if request.method == "POST":
        db.session.add(Order(tenant=current_tenant.tenant, text=request.get_data(as_text=True)))
        db.session.flush()
    count = db.session.query(func.count(Order.id)).scalar()
    database = db.session.execute(text("SELECT current_database()")).scalar()
    db.session.commit()
    return {"tenant": current_tenant.tenant, "database": database, "orders": count}


@app.route("/healthz")
@without_tenant
def health():
    return {"ok": True}


@app.cli.command("create-tables")
def create_tables():
    db.create_all()
