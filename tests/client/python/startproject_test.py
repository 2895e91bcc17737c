"""A new user's first hour with Django: a project that `startproject` made, with two applications, comes to tenants by what
docs/python/django.md says, and by nothing else."""
import http.client
import os
import re
import subprocess
import sys
import time

import pytest
from cluster import BIN, Cluster, wait_until
from conftest import TOP

PAGE = os.path.join(TOP, "docs", "python", "django.md")
MODELS = {
    "orders": "class Order(models.Model):\n    text = models.TextField()\n",
    "notes": "class Note(models.Model):\n    order = models.ForeignKey('orders.Order', models.CASCADE)\n"
             "    text = models.TextField()\n",
}
URLS = """
from django.contrib import admin
from django.http import HttpResponse
from django.urls import path
from notes.models import Note
from orders.models import Order


def add(request, text):
    order = Order.objects.create(text=text)
    Note.objects.create(order=order, text="a note")
    return HttpResponse(",".join(order.text for order in Order.objects.order_by("id")))


urlpatterns = [path("admin/", admin.site.urls), path("add/<text>", add),
               path("healthz", lambda request: HttpResponse("well"))]
"""


def blocks(language):
    with open(PAGE, encoding="utf-8") as file:
        return re.findall(rf"```{language}\n(.*?)```", file.read(), re.S)


@pytest.fixture(name="project")
def one_that_startproject_made(tmp_path):
    def django(*arguments):
        subprocess.run([sys.executable, "-m", "django", *arguments], cwd=tmp_path, check=True)
    django("startproject", "shop", ".")
    with open(tmp_path / "shop" / "settings.py", "a", encoding="utf-8") as file:
        for name, models in MODELS.items():
            django("startapp", name)
            with open(tmp_path / name / "models.py", "a", encoding="utf-8") as models_file:
                models_file.write(models)
            file.write(f"INSTALLED_APPS += ['{name}']\n")
    (tmp_path / "shop" / "urls.py").write_text(URLS, encoding="utf-8")
    subprocess.run([sys.executable, "manage.py", "makemigrations", "orders", "notes"], cwd=tmp_path, check=True)
    return tmp_path


def ask(host, path):
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def is_up():
    try:
        return ask("example.com", "/healthz") == (200, "well")
    except OSError:
        return False


def test_the_page_alone_brings_a_project_to_tenants_in_ten_minutes(project):
    begun = time.monotonic()
    with open(project / "shop" / "settings.py", "a", encoding="utf-8") as file:
        file.write(blocks("python")[0])
    with Cluster(agents=1) as cluster:
        environment = {**os.environ, **cluster.env, "DJANGO_SUPERUSER_PASSWORD": "correct horse", "PATH": os.pathsep.join(
            [os.path.dirname(sys.executable), BIN, os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        *commands, serve = blocks("sh")[0].splitlines()
        for command in commands:
            done = subprocess.run(["bash", "-c", command], cwd=project, env=environment, text=True, capture_output=True,
                                  check=False)
            print(command, done.stdout + done.stderr, sep="\n")
            assert done.returncode == 0, command
        # Adding a model needs no tenant either.
        subprocess.run([sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"], cwd=project, check=True,
                       env=environment)
        with subprocess.Popen(["bash", "-c", f"exec {serve}"], cwd=project, env=environment) as server:
            try:
                wait_until(lambda: is_up() or server.poll() is not None, "gunicorn answers", 120)
                assert server.poll() is None, f"{serve}: it has ended"
                assert ask("acme.example.com", "/add/one") == (200, "one")
                assert ask("globex.example.com", "/add/other") == (200, "other")
                assert ask("acme.example.com", "/add/two") == (200, "one,two")
                assert ask("acme.example.com", "/admin/login/")[0] == 200
                assert ask("nobody.example.com", "/add/three")[0] == 404
                assert ask("example.com", "/add/three")[0] == 404
            finally:
                server.terminate()
        users = {name: cluster.psql(name, "SELECT count(*) FROM auth_user") for name in ("acme", "globex")}
        assert users == {"acme": "1", "globex": "0"}
        assert cluster.psql("globex", "SELECT string_agg(text, ',') FROM notes_note") == "a note"
    assert time.monotonic() - begun < 600
