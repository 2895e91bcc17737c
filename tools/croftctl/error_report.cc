#include "tools/croftctl/error_report.h"

#include <map>
#include <utility>
#include <vector>

#include <absl/strings/cord.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include "common/errors.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

constexpr char kRequestId[] = "croftctl/request-id";

// What helps, by reason. `{key}` is the error's metadata; a line with a key that is not there is passed over
// for the next one of the same reason.
const std::multimap<absl::string_view, absl::string_view>& StepsByReason() {
  static const std::multimap<absl::string_view, absl::string_view> steps = {
      {"TENANT_NOT_FOUND", "croftctl tenant list --show-retired shows the tenants there are"},
      {"TENANT_EXISTS", "choose another id, or give --if-missing to take the tenant that is there"},
      {"TENANT_BUSY", "croftctl op wait {holder}, then try again"},
      {"TENANT_RETIRED", "croftctl tenant undelete {tenant}"},
      {"TENANT_SUSPENDED", "croftctl tenant resume {tenant}"},
      {"TENANT_NOT_READY", "croftctl tenant get {tenant} shows its state and its operation"},
      {"WRONG_STATE", "croftctl tenant get {tenant} shows its state"},
      {"HOST_NOT_FOUND", "croftctl host list shows the hosts there are"},
      {"BACKUP_NOT_FOUND", "croftctl backup list TENANT shows the backups there are"},
      {"OPERATION_NOT_FOUND", "croftctl op list shows the operations there are"},
      {"NO_HOST_FITS", "croftctl host list shows state, room and labels of the hosts"},
      {"HOST_UNREACHABLE", "croftctl host get {host} shows since when; start its agent again"},
      {"HOST_IN_USE", "croftctl tenant list --filter 'host = {host}' shows who lives there"},
      {"BACKUP_NOT_PROVEN",
       "croftctl tenant purge {tenant} --waive-backup REASON goes without one, on record"},
      {"IDENTITY_MISMATCH", "croftctl host accept-identity {host} --system-identifier {reported}"},
      {"OPERATION_NOT_CANCELLABLE", "croftctl op wait {operation} waits for its end"},
      {"ETAG_MISMATCH", "read it again and repeat the change"},
      {"REQUEST_ID_REUSED", "leave --request-id out, or repeat the first request exactly"},
      {"WAIT_TIMED_OUT", "croftctl op wait {operation}"},
      {"WAIT_INTERRUPTED", "croftctl op wait {operation}"},
      {"CONTACT_LOST", "croftctl op wait {operation}"},
      {"SERVER_NOT_TRUSTED", "{remedy}"},
      {"DISK_FULL", "make room on the host's disk, then try again"},
      {"PERMISSION_DENIED", "croftctl status shows who you are; ask an administrator for the role"},
  };
  return steps;
}

absl::string_view StepByCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return "croftctl doctor looks at servers and certificates; --timeout keeps trying for longer";
    case absl::StatusCode::kDeadlineExceeded: return "a longer --timeout, or croftctl doctor";
    case absl::StatusCode::kUnauthenticated:
      return "name a certificate with --cert and --key, or a token with --token-file (CROFT_CERT, "
             "CROFT_KEY, "
             "CROFT_TOKEN_FILE, or croftctl config set)";
    case absl::StatusCode::kUnimplemented:
      return "the server does not know this call: croftctl doctor compares the versions";
    default: return "";
  }
}

// Empty when a key is missing.
std::string FillIn(absl::string_view step, const ErrorMetadata& metadata) {
  std::vector<std::pair<std::string, std::string>> replacements;
  for (const auto& [key, value] : metadata) {
    // Verbs take ids; a value with blanks is no resource's name.
    const bool is_text = value.find(' ') != std::string::npos;
    replacements.push_back({absl::StrCat("{", key, "}"), is_text ? value : LastPart(value)});
  }
  std::string text = absl::StrReplaceAll(step, replacements);
  return text.find('{') == std::string::npos ? text : "";
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string safe(text);
  for (char& c : safe) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = c == '\n' || c == '\t' ? ' ' : '?';
  }
  // The one-byte control characters have twins in UTF-8, U+0080 to U+009F, that terminals obey too.
  for (size_t i = 0; i + 1 < safe.size(); ++i) {
    if (safe[i] == '\xc2' && static_cast<unsigned char>(safe[i + 1]) < 0xa0) safe[i] = safe[i + 1] = '?';
  }
  return safe;
}

std::string NextStep(const absl::Status& status) {
  const ErrorDetails details = DetailsOf(status);
  const auto [begin, end] = StepsByReason().equal_range(details.reason);
  for (auto it = begin; it != end; ++it) {
    if (std::string step = FillIn(it->second, details.metadata); !step.empty()) return step;
  }
  return details.reason.empty() || begin == end ? std::string(StepByCode(status.code())) : "";
}

absl::Status WithRequestId(absl::Status status, absl::string_view request_id) {
  status.SetPayload(kRequestId, absl::Cord(request_id));
  return status;
}

void ReportError(const absl::Status& status, std::ostream& err) {
  const ErrorDetails details = DetailsOf(status);
  const bool listed = details.violations.size() > 1;
  err << "croftctl: " << (listed ? "several fields are wrong" : Printable(status.message())) << "\n";
  if (listed) {
    for (const FieldViolation& violation : details.violations) {
      err << "  " << Printable(violation.field) << ": " << Printable(violation.description) << "\n";
    }
  }
  if (!details.reason.empty()) err << "  reason: " << Printable(details.reason) << "\n";
  if (const std::string step = NextStep(status); !step.empty())
    err << "  next: " << Printable(step) << "\n";
  if (const auto it = details.metadata.find("operation"); it != details.metadata.end()) {
    err << "  operation: " << Printable(it->second) << "\n";
  }
  if (const auto request_id = status.GetPayload(kRequestId)) err << "  request: " << *request_id << "\n";
  err.flush();
}

}  // namespace croft::ctl
