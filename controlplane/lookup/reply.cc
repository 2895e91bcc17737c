// Writes the answer of a lookup, or says why there is none.

#include "controlplane/lookup/reply.h"

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "controlplane/domain/errors.h"
#include "controlplane/lookup/connection_text.h"
#include "controlplane/lookup/host_view.h"
#include "croft/v1/lookup.pb.h"

namespace croft::lookup {
namespace {

using Response = v1::LookupResponse;

constexpr uint64_t kTtlSeconds = 60;
constexpr absl::string_view kNoStatementTimeout = "-c statement_timeout=0";

// --- protobuf's wire format, written without a message in between.

void PutVarint(std::string& bytes, uint64_t value) {
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  bytes += static_cast<char>(value);
}

void PutNumber(std::string& bytes, int field, uint64_t value) {
  if (value == 0) return;
  PutVarint(bytes, static_cast<uint64_t>(field) << 3U);
  PutVarint(bytes, value);
}

void PutText(std::string& bytes, int field, absl::string_view head, absl::string_view tail = "") {
  if (head.empty() && tail.empty()) return;
  PutVarint(bytes, (static_cast<uint64_t>(field) << 3U) | 2U);
  PutVarint(bytes, head.size() + tail.size());
  bytes.append(head.data(), head.size());
  bytes.append(tail.data(), tail.size());
}

absl::Status EndpointNotAvailable(absl::string_view tenant, absl::string_view host, const Wanted& wanted) {
  const std::string purpose = v1::Endpoint::Purpose_Name(wanted.purpose);
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("host ", host, " of tenant ", tenant, " has no endpoint of ", purpose),
      {.reason = "ENDPOINT_NOT_AVAILABLE",
       .metadata = {{"tenant", std::string(tenant)}, {"host", std::string(host)}, {"purpose", purpose}}});
}

absl::Status CheckState(const Row& row, v1::Role role) {
  switch (row.state()) {
    case domain::TenantState::kReady: return absl::OkStatus();
    case domain::TenantState::kCreating:
    case domain::TenantState::kFailed: return domain::TenantNotReady(row.id(), row.state());
    case domain::TenantState::kRetired: return domain::TenantRetired(row.id());
    case domain::TenantState::kPurged: return domain::TenantNotFound(row.id());
    case domain::TenantState::kSuspended: {
      const bool may_read =
          row.suspend_mode() == domain::SuspendMode::kReadOnly && role == v1::ROLE_READ_ONLY;
      return may_read ? absl::OkStatus() : domain::TenantSuspended(row.id());
    }
  }
  return domain::TenantNotFound(row.id());
}

void PutEndpoint(std::string& reply, const HostAddress& address, absl::string_view database,
                 absl::string_view user) {
  std::string endpoint;
  PutNumber(endpoint, v1::Endpoint::kPurposeFieldNumber, v1::Endpoint::PURPOSE_DIRECT);
  PutText(endpoint, v1::Endpoint::kHostFieldNumber, address.host);
  PutNumber(endpoint, v1::Endpoint::kPortFieldNumber, static_cast<uint64_t>(address.port));
  PutText(endpoint, v1::Endpoint::kDatabaseFieldNumber, database);
  PutText(endpoint, v1::Endpoint::kUserFieldNumber, user);
  PutText(reply, Response::kEndpointsFieldNumber, endpoint);
}

}  // namespace

// It comes first: a tag, the length in one byte, since ids are short, and the name.
absl::string_view TenantIn(absl::string_view reply) {
  constexpr absl::string_view kCollection = "tenants/";
  static_assert(Response::kTenantFieldNumber == 1);
  const size_t length = reply.size() < 2 ? 0 : static_cast<uint8_t>(reply[1]);
  if (length < kCollection.size() || length + 2 > reply.size()) return "";
  return reply.substr(2, length).substr(kCollection.size());
}

absl::Status AppendReply(const Row& row, int64_t epoch, const Wanted& wanted,
                         const keyring::Keyring& keyring, std::string& reply) {
  if (row.unconfirmed()) return domain::TenantUnconfirmed(row.id(), row.host()->id);
  CROFT_RETURN_IF_ERROR(CheckState(row, wanted.role));
  const RowContents contents = row.Unpack();
  const HostView* host = row.host()->view.load(std::memory_order_acquire);
  if (host != nullptr && host->missing) return domain::HostUnreachable(row.host()->id);
  const RowLogin& login = wanted.role == v1::ROLE_READ_ONLY ? contents.read_only : contents.app;
  const bool has_endpoint = wanted.purpose == v1::Endpoint::PURPOSE_DIRECT && host != nullptr &&
                            !host->direct.empty() && login.present;
  if (!has_endpoint) return EndpointNotAvailable(contents.id, row.host()->id, wanted);

  const std::string uid = contents.uid.text();
  std::string password;
  if (wanted.password) {
    CROFT_ASSIGN_OR_RETURN(
        password, keyring.Open(SealedPassword(login.packed_password), absl::StrCat("password/", uid)));
  }
  const std::string database = contents.database.text();
  const std::string user = login.user.text();
  const ConnectionParameters parameters{
      .host = host->direct.front().host,
      .port = host->direct.front().port,
      .database = database,
      .user = user,
      .password = password,
      .sslmode = host->sslmode,
      .options = wanted.role == v1::ROLE_MIGRATE ? kNoStatementTimeout : absl::string_view()};

  reply.reserve(reply.size() + host->root_certificate.size() + contents.extras.size() + 1024);
  PutText(reply, Response::kTenantFieldNumber, "tenants/", contents.id);
  PutText(reply, Response::kUidFieldNumber, uid);
  PutNumber(reply, Response::kPlacementGenerationFieldNumber, static_cast<uint64_t>(row.generation()));
  for (const HostAddress& address : host->direct) PutEndpoint(reply, address, database, user);
  PutText(reply, Response::kPasswordFieldNumber, password);
  PutText(reply, Response::kSslmodeFieldNumber, host->sslmode);
  PutText(reply, Response::kRootCertificateFieldNumber, host->root_certificate);
  PutText(reply, Response::kConninfoFieldNumber, Conninfo(parameters));
  PutText(reply, Response::kUriFieldNumber, ConnectionUri(parameters));
  if (wanted.extras) reply.append(contents.extras.data(), contents.extras.size());
  std::string revision;
  PutNumber(revision, v1::Revision::kEpochFieldNumber, static_cast<uint64_t>(epoch));
  PutNumber(revision, v1::Revision::kRevisionFieldNumber, static_cast<uint64_t>(row.revision()));
  PutText(reply, Response::kRevisionFieldNumber, revision);
  std::string ttl;
  PutNumber(ttl, google::protobuf::Duration::kSecondsFieldNumber, kTtlSeconds);
  PutText(reply, Response::kTtlFieldNumber, ttl);
  // Who only reads is not concerned.
  if (wanted.role != v1::ROLE_READ_ONLY)
    PutNumber(reply, Response::kClosedForGrowthFieldNumber, row.closed_for_growth() ? 1 : 0);
  return absl::OkStatus();
}

}  // namespace croft::lookup
