"""The wire contract in Python: stubs made by protoc into a temporary folder, and readable errors."""
import atexit
import glob
import importlib
import os
import shutil
import subprocess
import sys
import tempfile

import grpc

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = sorted(os.path.basename(path)[: -len(".proto")]
               for path in glob.glob(os.path.join(TOP, "proto", "croft", "v1", "*.proto")))


def _generate():
    folder = tempfile.mkdtemp(prefix="croft-stubs.")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    plugin = shutil.which("grpc_python_plugin")
    subprocess.run(["protoc", "-I", os.path.join(TOP, "proto"), "--python_out", folder, "--grpc_python_out", folder,
                    f"--plugin=protoc-gen-grpc_python={plugin}", *(f"croft/v1/{name}.proto" for name in FILES)],
                   check=True)
    sys.path.insert(0, folder)
    if "croft" in sys.modules:  # the client library, which looked for stubs before these were there
        sys.modules["croft"].__path__.append(os.path.join(folder, "croft"))


_generate()
MODULES = {name: importlib.import_module(f"croft.v1.{name}_pb2") for name in FILES}


def message(name):
    """The class of the message croft.v1.NAME."""
    for module in MODULES.values():
        if hasattr(module, name):
            return getattr(module, name)
    raise KeyError(name)


def service_descriptor(name):
    for module in MODULES.values():
        if name in module.DESCRIPTOR.services_by_name:
            return module.DESCRIPTOR.services_by_name[name]
    raise KeyError(name)


def channel(env):
    def read(variable):
        with open(env[variable], "rb") as file:
            return file.read()

    credentials = grpc.ssl_channel_credentials(read("CROFT_CA"), read("CROFT_KEY"), read("CROFT_CERT"))
    return grpc.secure_channel(env["CROFT_SERVER"], credentials)


def stub(name, on):
    """The generated stub of service NAME."""
    for file, module in MODULES.items():
        if name in module.DESCRIPTOR.services_by_name:
            return getattr(importlib.import_module(f"croft.v1.{file}_pb2_grpc"), name + "Stub")(on)
    raise KeyError(name)


class Error:
    """What a failed call, or one part of an answer, says: code, message, and Croft's details."""

    def __init__(self, code, text, details):
        self.code, self.message = code, text
        self.infos, self.fields, self.retry = [], [], None
        for detail in details:
            kind = detail.type_url.rpartition(".")[2]
            if kind == "ErrorInfo":
                self.infos.append(message("ErrorInfo").FromString(detail.value))
            elif kind == "BadRequest":
                violations = message("BadRequest").FromString(detail.value).field_violations
                self.fields += [violation.field for violation in violations]
            elif kind == "RetryInfo":
                self.retry = message("RetryInfo").FromString(detail.value).retry_delay

    @classmethod
    def of_call(cls, rpc_error):
        trailers = {key: value for key, value in rpc_error.trailing_metadata() or ()}
        status = message("Status").FromString(trailers.get("grpc-status-details-bin", b""))
        return cls(rpc_error.code(), rpc_error.details(), status.details)

    @classmethod
    def of_status(cls, status):
        """From a croft.v1.Status."""
        code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        return cls(code, status.message, status.details)

    @property
    def reason(self):
        return self.infos[0].reason if len(self.infos) == 1 else None

    @property
    def metadata(self):
        return dict(self.infos[0].metadata) if self.infos else {}

    def __repr__(self):
        return f"{self.code.name} {self.reason} fields={self.fields} {self.message!r}"


def failure(method, request, timeout=30):
    """The Error that the call ends with; fails when it succeeds."""
    try:
        answer = method(request, timeout=timeout)
    except grpc.RpcError as error:
        return Error.of_call(error)
    raise AssertionError(f"the call succeeded: {answer}")
