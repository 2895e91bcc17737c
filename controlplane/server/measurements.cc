#include "controlplane/server/measurements.h"

#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/crypto/x509.h"
#include "common/enums.h"
#include "common/errors.h"
#include "common/files.h"
#include "controlplane/access/policy.h"
#include "controlplane/metrics/exposition.h"

namespace croft::server {
namespace {

constexpr size_t kMaxPemBytes = 256 * 1024;
// Who may call it may read the figures.
constexpr char kMethod[] = "AdminService/GetStatus";

int64_t SizeOf(const std::string& file) {
  struct stat facts {};
  return stat(file.c_str(), &facts) == 0 ? facts.st_size : 0;
}

int64_t FreeBytesAt(const std::string& file) {
  struct statvfs facts {};
  if (statvfs(file.c_str(), &facts) != 0) return 0;
  return static_cast<int64_t>(facts.f_bavail) * static_cast<int64_t>(facts.f_frsize);
}

absl::Status NotReady(absl::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, why, {.reason = "NOT_READY"});
}

}  // namespace

Measurements::Measurements(MeasurementOptions options, MeasuredParts parts)
    : options_(std::move(options)), parts_(parts), start_time_(parts.clock.Now()) {}

absl::StatusOr<std::unique_ptr<Measurements>> Measurements::Start(MeasurementOptions options,
                                                                  MeasuredParts parts) {
  std::unique_ptr<Measurements> made(new Measurements(std::move(options), parts));
  Measurements& self = *made;
  CROFT_ASSIGN_OR_RETURN(const bool loopback, metrics::HttpServer::IsLoopback(self.options_.listen));
  metrics::PageSources sources{
      .metrics = [&self] { return metrics::WriteExposition(self.Read()); },
      .discovery = [&self] { return metrics::WriteDiscovery(self.address(), self.Read()); },
      .ready = [&self] { return self.Ready(); }};
  if (!loopback) {
    sources.permit = [&self](const std::string& authorization, const std::string& peer) {
      return self.Permit(authorization, peer);
    };
  }
  self.pages_ = std::make_unique<metrics::Pages>(std::move(sources), parts.clock);
  CROFT_ASSIGN_OR_RETURN(
      self.server_,
      metrics::HttpServer::Start(
          {.address = self.options_.listen, .identity_file = loopback ? "" : self.options_.identity_file},
          [&self](const metrics::HttpRequest& request) { return self.pages_->Answer(request); }));
  return made;
}

metrics::Figures Measurements::Read() const {
  metrics::Figures figures{
      .version = options_.version, .now = parts_.clock.Now(), .start_time = start_time_};
  const domain::Revision revision = parts_.catalog.revision();
  figures.epoch = revision.epoch;
  figures.revision = revision.revision;
  figures.calls = parts_.calls.Read();
  figures.operations = parts_.operations.Read();
  for (const domain::TenantState state : AllOf<domain::TenantState>()) {
    if (state != domain::TenantState::kPurged) figures.tenants[state] = parts_.index.CountIn(state);
  }
  if (auto hosts = parts_.catalog.ListHosts(); hosts.ok()) {
    for (domain::Host& host : *hosts) {
      const std::optional<absl::Time> heard = parts_.fleet.LastHeard(host.id);
      figures.hosts.push_back({std::move(host), heard});
    }
  }
  figures.backups = parts_.backups.Read();
  const Writer::Waiting waiting = parts_.writer.waiting();
  figures.events_waiting = static_cast<int64_t>(waiting.events);
  figures.event_waiting_since = waiting.since;
  figures.commits = parts_.writer.commits().Read();
  const handlers::WatchHub::Standing standing = parts_.watchers.standing();
  figures.watchers = static_cast<int64_t>(standing.watchers);
  figures.watcher_behind_since = standing.behind_since;
  ReadFiles(figures);
  return figures;
}

void Measurements::ReadFiles(metrics::Figures& figures) const {
  figures.catalog_bytes = SizeOf(options_.catalog_file);
  figures.wal_bytes = SizeOf(options_.catalog_file + "-wal");
  figures.disk_free_bytes = FreeBytesAt(options_.catalog_file);
  figures.newest_copy = parts_.copies.newest();
  for (const auto& [name, file] : options_.certificates) {
    const absl::StatusOr<std::string> pem = ReadSmallFile(file, kMaxPemBytes);
    if (!pem.ok()) continue;
    const absl::StatusOr<crypto::CertificateFacts> facts = crypto::ReadCertificate(*pem);
    if (facts.ok()) figures.certificates.push_back({name, facts->not_after});
  }
}

// A writer that has nothing to do gets something that changes nothing: it begins a transaction for it, which finds out
// whether the epoch is still this process's and ends the process if it is not. Whether it came to it is seen by the next
// request.
absl::Status Measurements::Ready() const {
  const Writer::Waiting waiting = parts_.writer.waiting();
  if (!waiting.since) {
    parts_.writer.Post(engine::Tick{});
  } else if (const absl::Duration wait = parts_.clock.Now() - *waiting.since; wait > kMostWait) {
    return NotReady(absl::StrCat("the catalog has not been written for ", absl::ToInt64Seconds(wait),
                                 " seconds, while ", waiting.events, " events wait"));
  }
  if (FreeBytesAt(options_.catalog_file) < kLeastFreeBytes) {
    return NotReady("the catalog's disk is full: free some room, or make it larger");
  }
  return absl::OkStatus();
}

absl::Status Measurements::Permit(const std::string& authorization, const std::string& peer) const {
  absl::StatusOr<access::Principal> principal =
      parts_.authenticator.Authenticate({.authorization = authorization});
  if (!principal.ok() || principal->kind == access::PrincipalKind::kAnonymous) {
    CROFT_RETURN_IF_ERROR(parts_.limits.TakeOfStranger(absl::StrCat("ipv4:", peer, ":0")));
  }
  if (!principal.ok()) return principal.status();
  return access::Policy().Check(*principal, kMethod, {});
}

}  // namespace croft::server
