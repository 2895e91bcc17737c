// A process that keeps a catalog, for tests that end it, starve it or take its catalog away.
//
//   catalog_keeper open PATH              opens it and prints how that went
//   catalog_keeper hold PATH              prints `ready` and holds it until it is ended
//   catalog_keeper hold-stubbornly PATH   the same, deaf to SIGTERM
//   catalog_keeper write PATH [BYTES]     commits tenants t0, t1, … and prints the number of each when it is
//                                         acknowledged, until an error, which it prints; no file may grow over BYTES
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include <absl/strings/str_cat.h>
#include <sys/resource.h>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "tests/contract/catalog_samples.h"

namespace croft::catalog {
namespace {

void Say(const std::string& line) {
  const std::string text = line + "\n";
  if (write(STDOUT_FILENO, text.data(), text.size()) < 0) _exit(3);
}

void Say(const absl::Status& status) {
  Say(absl::StrCat(DetailsOf(status).reason, ": ", status.message()));
}

absl::Status PutTenantNumber(Catalog& catalog, int number) {
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Transaction> transaction, catalog.Begin());
  domain::Tenant tenant = SampleTenant(absl::StrCat("t", number));
  tenant.settings = std::string(1000, 's');
  transaction->Apply(PutTenant{tenant});
  transaction->Apply(AppendAudit{{At(number), "alice", "peer", "Create", tenant.id, "OK", ""}});
  transaction->Apply(AppendEvent{SampleEvent(tenant.id, number)});
  return transaction->Commit().status();
}

int Main(const std::string& verb, const std::string& path, const std::string& bytes) {
  if (verb == "hold-stubbornly") signal(SIGTERM, SIG_IGN);
  const auto catalog = SqliteCatalog::Open(path, {});
  if (!catalog.ok()) {
    Say(catalog.status());
    return 1;
  }
  if (!bytes.empty()) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {std::stoul(bytes), std::stoul(bytes)};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 3;
  }
  Say("ready");
  if (verb == "open") return 0;
  if (verb != "write") {
    while (true) pause();
  }
  for (int number = 0;; ++number) {
    if (const absl::Status status = PutTenantNumber(**catalog, number); !status.ok()) {
      Say(status);
      return 1;
    }
    Say(absl::StrCat(number));
  }
}

}  // namespace
}  // namespace croft::catalog

int main(int count, char** arguments) {
  if (count < 3) return 2;
  return croft::catalog::Main(arguments[1], arguments[2], count > 3 ? arguments[3] : "");
}
