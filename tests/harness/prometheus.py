"""A real Prometheus that scrapes one control plane, with Croft's rules."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from cluster import TOP, wait_until

MONITORING = os.path.join(TOP, "deploy", "monitoring")


def read(url, **headers):
    """(code, text) of what answers at `url`."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Prometheus:
    """Debian's, in a folder of its own, that scrapes every second. Alerts fire as soon as they are true. Use as a context
    manager."""

    def __init__(self, target, window=None):
        """`window`, such as 20s, takes the place of all times that the rules look back."""
        self.folder = tempfile.mkdtemp(prefix="croft-prometheus.", dir="/var/tmp")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.address = f"127.0.0.1:{taken.getsockname()[1]}"
        with open(os.path.join(MONITORING, "prometheus.yml"), encoding="utf-8") as file:
            config = file.read().replace("127.0.0.1:7444", target).replace(" 15s", " 1s")
        config = config.replace("/etc/prometheus", self.folder)
        with open(os.path.join(MONITORING, "croft.rules.yml"), encoding="utf-8") as file:
            rules = re.sub(r"for: \w+", "for: 0s", file.read())
        if window:
            rules = re.sub(r"\[\d+m\]", f"[{window}]", rules)
        for name, text in (("prometheus.yml", config), ("croft.rules.yml", rules)):
            self._write(name, text)
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address={self.address}", "--log.level=warn"], stdin=subprocess.DEVNULL)

    def __enter__(self):
        wait_until(self.is_ready, "prometheus is ready")
        wait_until(lambda: self.query("up == 1"), "croftd is scraped")
        return self

    def __exit__(self, kind, error, trace):
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.folder)

    def scrape_tenants(self, names, token):
        """Also scrapes their pages, by the token of somebody who may read what they use."""
        self._write("croft.token", token)
        self._write("croft-tenants.yml", json.dumps([{"targets": names}]))
        wait_until(lambda: len(self.query('up{job="croft_tenants"} == 1')) == len(names), "tenants are scraped")

    def query(self, expression):
        """The samples that `expression` has now."""
        code, text = read(f"http://{self.address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        assert code == 200, text
        return json.loads(text)["data"]["result"]

    def firing(self):
        return {sample["metric"]["alertname"] for sample in self.query('ALERTS{alertstate="firing"}')}

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def is_ready(self):
        try:
            return read(f"http://{self.address}/-/ready")[0] == 200
        except OSError:
            assert self._process.poll() is None, "prometheus ended"
            return False
