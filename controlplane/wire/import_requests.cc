// Parses requests for imports.

#include "controlplane/wire/import_requests.h"

#include <algorithm>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "controlplane/engine/event.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/tenant_requests.h"
#include "controlplane/wire/violations.h"

namespace croft::wire {
namespace {

constexpr int64_t kLargestArchive = int64_t{1} << 46;
constexpr size_t kShaCharacters = 64;
constexpr size_t kLongestName = 63;
constexpr size_t kLongestFact = 4096;
constexpr int kMostListed = 10'000;
constexpr size_t kMostFactBytes = 1 << 20;
constexpr int kMostMissing = 100;
constexpr size_t kMostRequestBytes = 2 << 20;

void CheckName(const std::string& text, absl::string_view field, Violations& violations) {
  if (ParseText(text, kLongestName, field, violations).empty()) violations.Add(field, "must be given");
}

bool IsSha256(const std::string& text) {
  return text.size() == kShaCharacters && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

// A version such as `15.20`, whose first number says what reads its archives.
bool IsVersion(const std::string& text) {
  int major = 0;
  return text.size() <= kLongestName && absl::SimpleAtoi(text.substr(0, text.find('.')), &major) &&
         major > 0;
}

void CheckSize(int64_t bytes, int64_t least, absl::string_view field, Violations& violations) {
  ParseInteger(bytes, least, kLargestArchive, field, violations);
}

void CheckFacts(const v1::ArchiveFacts& facts, Violations& violations) {
  CheckSize(facts.size_bytes(), 1, "archive.size_bytes", violations);
  if (!IsSha256(facts.sha256())) violations.Add("archive.sha256", "must be 64 characters `0-9` and `a-f`");
  if (!IsVersion(facts.server_version()))
    violations.Add("archive.server_version", "must be a version of PostgreSQL, such as `15.20`");
  CheckName(facts.encoding(), "archive.encoding", violations);
  CheckName(facts.owner_role(), "archive.owner_role", violations);
  CheckName(facts.reader_role(), "archive.reader_role", violations);
  ParseText(facts.collate(), kLongestFact, "archive.collate", violations);
  ParseText(facts.ctype(), kLongestFact, "archive.ctype", violations);
  ParseText(facts.icu_locale(), kLongestFact, "archive.icu_locale", violations);
  if (facts.extensions_size() > kMostListed || facts.parameters_size() > kMostListed ||
      facts.ByteSizeLong() > kMostFactBytes)
    violations.Add("archive", "must have at most 1 MiB, with 10000 extensions and 10000 parameters");
}

// As BeginImport makes them: 16 characters `a-z2-7`.
void CheckImport(const std::string& text, Violations& violations) {
  const bool is_one = text.size() == 16 && std::all_of(text.begin(), text.end(), [](char c) {
                        return absl::ascii_islower(static_cast<unsigned char>(c)) || (c >= '2' && c <= '7');
                      });
  if (!is_one) violations.Add("upload", "must be what BeginImport answered");
}

absl::StatusOr<domain::Tenant> ParseTenant(const std::string& id, const v1::Tenant& tenant,
                                           const ProtoLabels& host_selector,
                                           std::map<std::string, std::string>* selector) {
  v1::CreateTenantRequest create;
  create.set_tenant_id(id);
  *create.mutable_tenant() = tenant;
  *create.mutable_host_selector() = host_selector;
  CROFT_ASSIGN_OR_RETURN(engine::CreateTenant parsed, Parse(create));
  if (selector != nullptr) *selector = std::move(parsed.host_selector);
  return std::move(parsed.tenant);
}

}  // namespace

absl::StatusOr<BeginImport> Parse(const v1::BeginImportRequest& request) {
  Violations violations;
  BeginImport result;
  result.tenant = violations.Take(
      ParseTenant(request.tenant_id(), request.tenant(), request.host_selector(), &result.host_selector));
  CheckFacts(request.archive(), violations);
  CheckSize(request.database_bytes(), 0, "database_bytes", violations);
  CheckSize(request.upload_bytes(), 0, "upload_bytes", violations);
  if (request.missing_size() > kMostMissing || request.ByteSizeLong() > kMostRequestBytes)
    violations.Add("missing", "must have at most 100 findings, and the request 2 MiB");
  result.missing.assign(request.missing().begin(), request.missing().end());
  result.archive = request.archive();
  result.database_bytes = request.database_bytes();
  result.upload_bytes = request.upload_bytes();
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return result;
}

absl::Status Check(const v1::AppendImportRequest& request, size_t most_bytes) {
  Violations violations;
  CheckImport(request.upload(), violations);
  CheckSize(request.offset(), 0, "offset", violations);
  if (request.data().empty() || request.data().size() > most_bytes)
    violations.Add("data", absl::StrCat("must have 1 to ", most_bytes, " bytes"));
  return violations.ToStatus();
}

absl::Status Check(const v1::AbandonImportRequest& request) {
  Violations violations;
  CheckImport(request.upload(), violations);
  return violations.ToStatus();
}

absl::StatusOr<FinishImport> Parse(const v1::FinishImportRequest& request) {
  Violations violations;
  FinishImport result;
  CheckImport(request.upload(), violations);
  result.tenant = violations.Take(ParseTenant(request.tenant_id(), request.tenant(), {}, nullptr));
  result.allow_incomplete = request.allow_incomplete();
  ParseRequestId(request.request_id(), violations);
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return result;
}

}  // namespace croft::wire
