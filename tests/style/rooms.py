"""Who may know whom: the rooms of docs/architecture.md as data.

Written by hand and not read from the CMake files, so that neither of the two can be loosened alone.
"""

# Room -> rooms it may include from, beside itself. A room is a folder; the longest match counts.
MAY_INCLUDE = {
    "common": [],
    "common/sqlite": ["common"],
    "common/compression": ["common"],
    "common/crypto": ["common"],
    "common/config": ["common"],
    "common/metrics": ["common"],
    "controlplane/domain": ["common"],
    "controlplane/catalog": ["common", "common/crypto", "controlplane/domain"],
    "controlplane/catalog/sqlite": [
        "common", "common/sqlite", "common/crypto", "controlplane/domain", "controlplane/catalog",
    ],
    "controlplane/engine": ["common", "controlplane/domain", "controlplane/catalog"],
    "controlplane/operations": ["common", "controlplane/domain", "controlplane/catalog", "controlplane/engine"],
    "controlplane/keyring": ["common", "common/sqlite", "common/crypto", "controlplane/domain"],
    "controlplane/access": ["common", "common/crypto", "controlplane/domain"],
    "controlplane/usage": ["common", "common/sqlite"],
    "controlplane/metrics": ["common", "common/metrics", "controlplane/domain", "controlplane/catalog"],
    "controlplane/lookup": [
        "common", "common/crypto", "controlplane/domain", "controlplane/catalog", "controlplane/keyring",
        "controlplane/wire", "proto",
    ],
    "controlplane/fleet": [
        "common", "common/crypto", "controlplane/domain", "controlplane/catalog", "controlplane/engine",
        "controlplane/keyring", "controlplane/access", "controlplane/usage", "proto",
    ],
    "controlplane/wire": [
        "common", "common/crypto", "controlplane/domain", "controlplane/catalog", "controlplane/engine",
        "controlplane/operations", "controlplane/usage", "proto",
    ],
    "controlplane/handlers": [
        "common", "common/crypto", "common/sqlite", "controlplane/domain", "controlplane/catalog", "controlplane/engine",
        "controlplane/keyring", "controlplane/access", "controlplane/lookup", "controlplane/fleet",
        "controlplane/wire", "controlplane/usage", "proto",
    ],
    "controlplane/server": [
        "common", "common/config", "common/crypto", "common/metrics", "common/sqlite", "controlplane/domain",
        "controlplane/catalog", "controlplane/catalog/sqlite", "controlplane/engine", "controlplane/operations", "controlplane/keyring",
        "controlplane/access", "controlplane/metrics", "controlplane/lookup", "controlplane/fleet", "controlplane/wire",
        "controlplane/handlers", "controlplane/usage", "proto",
    ],
    "controlplane": ["common", "common/config", "controlplane/server"],
    "agent/dump_format": ["common", "common/crypto"],
    "agent/postgres": ["common", "common/crypto"],
    "agent/store": ["common", "common/crypto"],
    "agent/journal": ["common", "common/sqlite"],
    "agent/server": ["common", "common/crypto", "agent/postgres"],
    "agent/backup": [
        "common", "common/compression", "common/crypto", "agent/dump_format", "agent/postgres", "agent/store", "agent/tasks",
    ],
    "agent/tasks": [
        "common", "common/crypto", "agent/dump_format", "agent/postgres", "agent/store", "agent/backup", "proto",
    ],
    "agent/session": [
        "common", "common/config", "common/crypto", "common/metrics", "agent/dump_format", "agent/journal", "agent/postgres",
        "agent/server", "agent/store", "agent/backup", "agent/tasks", "proto",
    ],
    "agent": ["common", "common/config", "agent/session", "agent/server", "agent/postgres", "agent/store"],
    "client/cpp": ["common", "common/crypto", "proto"],
    "client/cpp/examples": [],  # what an application has: the installed headers
    "tools/croftctl": ["common", "common/compression", "common/crypto", "proto"],
}

# Start of a header's name -> rooms that may include it. The tests of a room may include what the room may.
THIRD_PARTY = {
    "sqlite3.h": ["common/sqlite"],
    "libpq-fe.h": ["agent/postgres", "client/cpp/examples"],
    "openssl/": ["common/crypto"],
    "sodium.h": ["common/crypto"],
    "zstd.h": ["agent/backup", "common/compression"],
    "curl/": ["agent/store"],
    "pugixml.hpp": ["agent/store"],
    "spdlog/": ["common"],
    "fmt/": ["common"],
    "nlohmann/": [
        "common", "controlplane/domain", "controlplane/catalog/sqlite", "controlplane/metrics", "agent/backup",
        "agent/store", "client/cpp", "tools/croftctl",
    ],
    "prometheus/": ["common/metrics"],
    "microhttpd.h": ["common/metrics"],
    "CLI/": ["common/config", "controlplane", "agent", "tools/croftctl"],
    "toml++/": ["common/config", "client/cpp", "tools/croftctl"],
    "yaml-cpp/": ["tools/croftctl"],
    "grpcpp/": [
        "controlplane/server", "controlplane/wire", "controlplane/handlers", "controlplane/fleet",
        "controlplane/lookup", "agent/session", "client/cpp", "tools/croftctl",
    ],
    "google/protobuf/": [
        "controlplane/server", "controlplane/wire", "controlplane/handlers", "controlplane/fleet",
        "controlplane/lookup", "agent/session", "agent/tasks", "client/cpp", "tools/croftctl",
    ],
}

# These rooms decide, and one seed must give one history: no clock, entropy, thread or I/O, and no container
# whose order changes by process.
PURE = ["controlplane/domain", "controlplane/engine", "controlplane/operations"]
IMPURE_INCLUDES = [
    "absl/container/flat_hash", "absl/container/node_hash", "absl/random/", "absl/time/clock.h", "atomic",
    "chrono", "common/clock.h", "common/log.h", "common/random.h", "common/subprocess.h", "common/sync.h",
    "condition_variable", "filesystem", "fstream", "future", "iostream", "mutex", "random", "sys/", "thread",
    "unistd.h", "unordered_map", "unordered_set",
]


def room_of(path):
    """The room a file belongs to: the longest folder of the table above it, or None."""
    folder = path.rpartition("/")[0]
    while folder:
        if folder in MAY_INCLUDE:
            return folder
        folder = folder.rpartition("/")[0]
    return None
