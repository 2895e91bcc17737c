// Runs queries for many tenants over a few connections, and says what came of them:
//
//   tenant_pools --tenants acme,globex [--most 4] [--threads 8] [--queries 100 | --until-closed] [--snapshot FILE]
//                [--static FILE] [--sql SQL]
//
// Who asks whom is read from CROFT_SERVER, CROFT_CA, and CROFT_TOKEN_FILE or CROFT_CERT and CROFT_KEY. With
// --until-closed it prints `running` when it knows all tenants, and goes on until its standard input ends. Prints
// `queries=… errors=… stale=… peak=…`, then the distinct results, sorted.
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "tenant_pools.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  std::vector<std::string> tenants;
  size_t most = 4;
  int threads = 8;
  int queries = 100;  // of each thread
  bool until_closed = false;
  std::string snapshot, static_file, sql = "SELECT current_database()";
};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool Parse(int argc, char** argv, Arguments& arguments) {
  for (int at = 1; at < argc; ++at) {
    const std::string option = argv[at];
    if (option == "--until-closed") {
      arguments.until_closed = true;
      continue;
    }
    if (++at == argc) return false;
    const std::string value = argv[at];
    if (option == "--tenants") {
      std::istringstream list(value);
      for (std::string tenant; std::getline(list, tenant, ',');) arguments.tenants.push_back(tenant);
    } else if (option == "--most") {
      arguments.most = std::stoul(value);
    } else if (option == "--threads") {
      arguments.threads = std::stoi(value);
    } else if (option == "--queries") {
      arguments.queries = std::stoi(value);
    } else if (option == "--snapshot") {
      arguments.snapshot = value;
    } else if (option == "--static") {
      arguments.static_file = value;
    } else if (option == "--sql") {
      arguments.sql = value;
    } else {
      return false;
    }
  }
  return !arguments.tenants.empty();
}

absl::StatusOr<std::unique_ptr<croft::client::Locator>> OpenLocator(const Arguments& arguments) {
  if (!arguments.static_file.empty()) return croft::client::OpenStaticLocator(arguments.static_file);
  croft::client::Locator::Options options;
  options.endpoints = {Variable("CROFT_SERVER")};
  options.authority_file = Variable("CROFT_CA");
  options.token_file = Variable("CROFT_TOKEN_FILE");
  if (options.token_file.empty()) {
    options.certificate_file = Variable("CROFT_CERT");
    options.key_file = Variable("CROFT_KEY");
  }
  options.snapshot_file = arguments.snapshot;
  return croft::client::Locator::Open(options);
}

class Run {
 public:
  Run(const Arguments& arguments, croft::client::Locator& locator, TenantPools& pools)
      : arguments_(arguments), locator_(locator), pools_(pools) {}

  void Work(size_t seed) {
    for (int number = 0; arguments_.until_closed ? !closed_ : number < arguments_.queries; ++number) {
      const std::string& tenant = arguments_.tenants[(seed + number) % arguments_.tenants.size()];
      if (const auto located = locator_.Locate(tenant); located.ok() && located->stale) ++stale_;
      const absl::Status status = Query(tenant);
      ++queries_;
      if (!status.ok()) Note(status);
    }
  }
  // Has each tenant located once: from then on the control plane may be away.
  void FindAll() {
    for (const std::string& tenant : arguments_.tenants) {
      if (const auto located = locator_.Locate(tenant); !located.ok()) Note(located.status());
    }
  }
  void Close() { closed_ = true; }

  int Print() const {
    std::cout << "queries=" << queries_ << " errors=" << errors_ << " stale=" << stale_
              << " peak=" << pools_.peak() << "\n";
    for (const std::string& result : results_) std::cout << result << "\n";
    return errors_ == 0 ? 0 : 1;
  }

 private:
  absl::Status Query(const std::string& tenant) {
    auto lease = pools_.Acquire(tenant, Clock::now() + std::chrono::seconds(30));
    if (!lease.ok()) return lease.status();
    PGresult* result = PQexec(lease->get(), arguments_.sql.c_str());
    const bool ok = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;
    const std::string text = ok ? PQgetvalue(result, 0, 0) : PQresultErrorMessage(result);
    PQclear(result);
    if (!ok) return absl::UnknownError(text);
    const std::lock_guard lock(mutex_);
    results_.insert(text);
    return absl::OkStatus();
  }
  void Note(const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    if (errors_++ < 10) std::cerr << status << "\n";
  }

  const Arguments& arguments_;
  croft::client::Locator& locator_;
  TenantPools& pools_;
  std::atomic<bool> closed_{false};
  std::atomic<int> queries_{0};
  std::atomic<int> stale_{0};
  std::mutex mutex_;
  int errors_ = 0;
  std::set<std::string> results_;
};

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, arguments)) {
    std::cerr << "see the head of main.cc for what it takes\n";
    return 2;
  }
  const auto locator = OpenLocator(arguments);
  if (!locator.ok()) {
    std::cerr << locator.status() << "\n";
    return 1;
  }
  char folder[] = "/tmp/tenant-pools-XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  int status = 0;
  {
    TenantPools pools(**locator, arguments.most, folder);
    Run run(arguments, **locator, pools);
    std::vector<std::thread> threads;
    for (int number = 0; number < arguments.threads; ++number) {
      threads.emplace_back([&run, number] { run.Work(static_cast<size_t>(number)); });
    }
    if (arguments.until_closed) {
      run.FindAll();
      std::cout << "running" << std::endl;
      while (std::cin.get() != EOF) {
      }
      run.Close();
    }
    for (std::thread& thread : threads) thread.join();
    status = run.Print();
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return status;
}
