"""Clients that know nothing of Croft: buf, by reflection alone, and stubs that anybody can generate. Both answer plain
values, as protobuf's JSON has them."""
import json
import os
import subprocess

import grpc
import wire
from google.protobuf import json_format

NPM = os.environ.get("CROFT_NPM", os.path.join(wire.TOP, "build", "npm"))
BUF = os.path.join(NPM, "node_modules", "@bufbuild", "buf-linux-x64", "bin", "buf")


class Refused(Exception):
    """The call failed, and said so in a form that the client could print."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code  # such as `NOT_FOUND`


class Buf:
    """`buf curl`, with nothing at hand but the server's address and an identity."""

    def __init__(self, env, *options):
        self._url = "https://" + env["CROFT_SERVER"]
        self._command = [BUF, "curl", "--protocol", "grpc", "--cacert", env["CROFT_CA"], "--cert", env["CROFT_CERT"],
                         "--key", env["CROFT_KEY"], *options]

    def run(self, *args, path=""):
        """(exit code, output, errors)."""
        ran = subprocess.run([*self._command, *args, self._url + path], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=60, check=False)
        return ran.returncode, ran.stdout, ran.stderr

    def call(self, method, request=None):
        """The answers of `package.Service/Method`."""
        code, out, errors = self.run("-d", json.dumps(request or {}), path="/" + method)
        if code == 0:
            return list(documents(out))
        assert code >= 8, f"{method} could not be called or printed: {errors}"
        told = json.loads(errors)
        raise Refused(told["code"].upper(), told["message"])

    def first(self, method, request=None):
        """The first answer of a stream that does not end by itself."""
        command = [*self._command, "-d", json.dumps(request or {}), self._url + "/" + method]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as running:
            text = ""
            try:
                for line in running.stdout:
                    text += line
                    if line.rstrip("\n") == "}":
                        return json.loads(text)
                raise AssertionError(f"{method} ended: {running.stderr.read()}")
            finally:
                running.kill()


class Generated:
    """Stubs of protoc and grpc_python_plugin; every answer goes through json_format."""

    def __init__(self, env):
        self._channel = wire.channel(env)

    def close(self):
        self._channel.close()

    def _invoke(self, method, request, timeout):
        service, _, name = method.rpartition("/")
        service = service.rpartition(".")[2]
        descriptor = wire.service_descriptor(service).methods_by_name[name]
        message = json_format.ParseDict(request or {}, wire.message(descriptor.input_type.name)())
        stub = getattr(wire.stub(service, self._channel), name)
        answer = stub(iter([message]) if descriptor.client_streaming else message, timeout=timeout)
        return answer if descriptor.server_streaming else iter([answer])

    def call(self, method, request=None):
        try:
            return [json.loads(json_format.MessageToJson(answer)) for answer in self._invoke(method, request, 60)]
        except grpc.RpcError as error:
            raise Refused(error.code().name, error.details()) from error

    def first(self, method, request=None):
        stream = self._invoke(method, request, 60)
        try:
            return json.loads(json_format.MessageToJson(next(stream)))
        finally:
            stream.cancel()


def documents(text):
    """The JSON values in `text`, one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        value, at = decoder.raw_decode(text, at)
        yield value


def methods():
    """`croft.v1.Service/Method` of all that there is."""
    return {f"croft.v1.{service.name}/{method.name}" for module in wire.MODULES.values()
            for service in module.DESCRIPTOR.services_by_name.values() for method in service.methods}
