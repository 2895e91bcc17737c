// Prints errors with what to do next, for people or as JSON.

#include "tools/croftctl/error_report.h"

#include <map>
#include <utility>
#include <vector>

#include <absl/strings/cord.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

constexpr char kRequestId[] = "croftctl/request-id";
constexpr char kNextStep[] = "croftctl/next-step";
constexpr char kFailures[] = "croftctl/failures";

// What helps, by reason. `{key}` is the error's metadata; a line with a key that is not there is passed over
// for the next one of the same reason.
const std::multimap<absl::string_view, absl::string_view>& StepsByReason() {
  static const std::multimap<absl::string_view, absl::string_view> steps = {
      {"TENANT_NOT_FOUND", "croftctl tenant list --show-retired shows the tenants there are"},
      {"TENANT_EXISTS", "choose another id; `tenant create --if-missing` takes the tenant that is there"},
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
      {"BACKUP_INCOMPLETE",
       "croftctl backup get {backup} names what does not restore; --allow-incomplete leaves it out"},
      {"PART_INCOMPLETE", "--allow-incomplete leaves out what does not restore"},
      {"DELETE_PROTECTED", "croftctl tenant update {tenant} --delete-protection off"},
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

// In ASCII; what is not UTF-8 is replaced.
std::string LineOf(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
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

// Bytes of the character at the head of `text` that controls a terminal or the direction of writing; 0 for any other.
size_t ControlBytes(absl::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  if (at(0) < 0x20 || at(0) == 0x7f) return 1;
  // U+0080 to U+009F, twins in UTF-8 of the one-byte control characters.
  if (at(0) == 0xc2 && at(1) >= 0x80 && at(1) < 0xa0) return 2;
  // U+200E and U+200F, U+2028 to U+202E, U+2066 to U+2069: directions of writing, and ends of lines.
  if (at(0) != 0xe2) return 0;
  if (at(1) == 0x80 && (at(2) == 0x8e || at(2) == 0x8f || (at(2) >= 0xa8 && at(2) <= 0xae))) return 3;
  return at(1) == 0x81 && at(2) >= 0xa6 && at(2) <= 0xa9 ? 3 : 0;
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string safe;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t bytes = ControlBytes(text.substr(i));
    if (bytes == 0) {
      safe.push_back(text[i]);
    } else {
      const bool blank = text[i] == '\n' || text[i] == '\t';
      safe.append(bytes, blank ? ' ' : '?');
      i += bytes - 1;
    }
  }
  return safe;
}

std::string Escaped(absl::string_view text) {
  std::string safe;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t bytes = ControlBytes(text.substr(i));
    if (text[i] == '\n') {
      safe.append("\\n");
    } else if (text[i] == '\\') {
      safe.append("\\\\");
    } else if (bytes == 0) {
      safe.push_back(text[i]);
    } else {
      for (const char byte : text.substr(i, bytes))
        absl::StrAppend(&safe, "\\x", absl::Hex(static_cast<unsigned char>(byte), absl::kZeroPad2));
      i += bytes - 1;
    }
  }
  return safe;
}

std::string NextStep(const absl::Status& status) {
  if (const auto own = status.GetPayload(kNextStep)) return std::string(*own);
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

absl::Status WithNextStep(absl::Status status, absl::string_view step) {
  status.SetPayload(kNextStep, absl::Cord(step));
  return status;
}

absl::Status WithFailures(absl::Status status, const nlohmann::ordered_json& failures) {
  status.SetPayload(kFailures, absl::Cord(LineOf(failures)));
  return status;
}

nlohmann::ordered_json ErrorJson(const absl::Status& status) {
  const ErrorDetails details = DetailsOf(status);
  nlohmann::ordered_json error = {{"code", absl::StatusCodeToString(status.code())},
                                  {"message", std::string(status.message())},
                                  {"exitCode", static_cast<int>(ExitCodeOf(status))}};
  if (!details.reason.empty()) error["reason"] = details.reason;
  if (!details.metadata.empty()) error["metadata"] = details.metadata;
  for (const FieldViolation& violation : details.violations) {
    error["fieldViolations"].push_back(
        {{"field", violation.field}, {"description", violation.description}});
  }
  if (std::string step = NextStep(status); !step.empty()) error["nextStep"] = std::move(step);
  if (const auto it = details.metadata.find("operation"); it != details.metadata.end())
    error["operation"] = it->second;
  if (const auto request_id = status.GetPayload(kRequestId)) error["requestId"] = std::string(*request_id);
  if (const auto failures = status.GetPayload(kFailures))
    error["failures"] = nlohmann::ordered_json::parse(std::string(*failures));
  return error;
}

void ReportError(const absl::Status& status, bool as_json, std::ostream& err) {
  if (as_json) {
    const nlohmann::ordered_json line = {{"error", ErrorJson(status)}};
    err << LineOf(line) << std::endl;
    return;
  }
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
