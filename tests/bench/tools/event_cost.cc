// What events cost the writer: creates of tenants on a real catalog, decided and committed one by one, in turns with their
// events and without them. Prints the seconds of CPU of each round.
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>
#include <sys/resource.h>

#include "common/errors.h"
#include "common/ids.h"
#include "common/random.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/engine/engine.h"
#include "controlplane/operations/rules.h"

namespace croft::bench {
namespace {

constexpr char kHost[] = "h1";

double CpuSeconds() {
  rusage used{};
  getrusage(RUSAGE_THREAD, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Decides and commits as the writer does, one event a transaction.
class Writer {
 public:
  explicit Writer(catalog::Catalog& catalog) : catalog_(catalog) {}

  // The task that is sent for it, if any.
  absl::StatusOr<std::optional<engine::SendTask>> Take(const engine::Event& event,
                                                       bool with_events = true) {
    CROFT_ASSIGN_OR_RETURN(const auto transaction, catalog_.Begin());
    const engine::Outcome outcome =
        engine::Decide(event, *transaction, {.now = absl::Now(), .epoch = catalog_.revision().epoch},
                       operations::AllRules());
    for (const catalog::Change& change : outcome.changes) {
      if (with_events || !std::holds_alternative<catalog::AppendEvent>(change)) transaction->Apply(change);
    }
    CROFT_RETURN_IF_ERROR(transaction->Commit().status());
    for (const engine::Effect& effect : outcome.effects) {
      if (const auto* task = std::get_if<engine::SendTask>(&effect)) return *task;
    }
    return std::nullopt;
  }

 private:
  catalog::Catalog& catalog_;
};

engine::Request From(const std::string& id, engine::RequestBody body) {
  return {.ticket = 1,
          .caller = {.name = "admin",
                     .peer = "ipv4:127.0.0.1:12345",
                     .method = "TenantService/CreateTenant",
                     .request_id = id,
                     .payload_hash = "p"},
          .body = std::move(body)};
}

absl::Status AddHost(Writer& writer) {
  const engine::RequestBody bodies[] = {
      engine::CreateJoinToken{.host = kHost,
                              .uid = "benchhost",
                              .secret_hash = "hash",
                              .expire_time = absl::Now() + absl::Hours(1)},
      engine::JoinHost{.host = kHost, .secret_hash = "hash", .fingerprint = "none"}};
  for (const engine::RequestBody& body : bodies) {
    CROFT_RETURN_IF_ERROR(writer.Take(From(absl::StrCat("host-", body.index()), body)).status());
  }
  CROFT_RETURN_IF_ERROR(writer
                            .Take(engine::HostSeen{.host = kHost,
                                                   .report = {.postgres_up = true,
                                                              .postgres_version = "15.20",
                                                              .system_identifier = "1",
                                                              .advertise_endpoints = {"127.0.0.1:7500"},
                                                              .free_bytes = int64_t{1} << 40,
                                                              .stores = {"s1"}}})
                            .status());
  return writer.Take(From("limits", engine::UpdateHost{.host = kHost, .limit_databases = 1'000'000}))
      .status();
}

engine::CreateTenant TenantNumber(int number, Random& random) {
  engine::CreateTenant create{.operation = OperationIdFrom(random.Bytes(16))};
  domain::Tenant& tenant = create.tenant;
  tenant.id = absl::StrCat("bench-", number);
  tenant.uid = UidFrom(random.Bytes(16));
  tenant.owner_role = OwnerRoleName(tenant.id, tenant.uid);
  tenant.reader_role = tenant.owner_role + "_r";
  for (const auto role : {domain::LoginRole::kApp, domain::LoginRole::kReadOnly}) {
    tenant.credentials.push_back(
        {.login = tenant.owner_role + (role == domain::LoginRole::kApp ? "_a" : "_ra"),
         .role = role,
         .verifier = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$a2V5:a2V5",
         .published = true});
  }
  return create;
}

// From the request to READY, in two transactions.
absl::Status Create(Writer& writer, int number, Random& random, bool with_events, double& cpu_seconds) {
  const engine::Event request = From(absl::StrCat("r", number), TenantNumber(number, random));
  const double begun = CpuSeconds();
  CROFT_ASSIGN_OR_RETURN(const std::optional<engine::SendTask> task, writer.Take(request, with_events));
  if (!task) return absl::InternalError("no task was sent");
  const engine::Event report =
      engine::TaskReport{.host = task->host, .fencing = task->fencing, .outcome = engine::TaskDone{"done"}};
  CROFT_RETURN_IF_ERROR(writer.Take(report, with_events).status());
  cpu_seconds += CpuSeconds() - begun;
  return absl::OkStatus();
}

absl::Status Measure(const std::string& folder, int rounds, int creates) {
  CROFT_ASSIGN_OR_RETURN(const auto catalog,
                         catalog::SqliteCatalog::Open(absl::StrCat(folder, "/catalog.db"), {}));
  SystemRandom random;
  Writer writer(*catalog);
  CROFT_RETURN_IF_ERROR(AddHost(writer));
  std::vector<double> with;
  std::vector<double> without;
  int number = 0;
  for (int round = 0; round < rounds; ++round) {
    with.push_back(0);
    without.push_back(0);
    for (int i = 0; i < creates; ++i) {
      CROFT_RETURN_IF_ERROR(Create(writer, ++number, random, true, with.back()));
      CROFT_RETURN_IF_ERROR(Create(writer, ++number, random, false, without.back()));
    }
  }
  std::cout << "{\"with\": [" << absl::StrJoin(with, ", ") << "], \"without\": ["
            << absl::StrJoin(without, ", ") << "]}\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace croft::bench

int main(int argc, char** argv) {
  std::string folder;
  int rounds = 20;
  int creates = 100;
  CLI::App app("Measures what events cost the catalog's writer");
  app.add_option("--folder", folder, "An empty one on the disk to write to")->required();
  app.add_option("--rounds", rounds)->required();
  app.add_option("--creates", creates, "Of each kind in a round")->required();
  CLI11_PARSE(app, argc, argv);
  if (const absl::Status status = croft::bench::Measure(folder, rounds, creates); !status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  return 0;
}
