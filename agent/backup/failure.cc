// Attaches causes and findings to the errors of backup tasks, and reads them back.

#include "agent/backup/failure.h"

#include <string>

#include <absl/strings/cord.h>

#include "agent/backup/finding_json.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

using Json = nlohmann::json;

constexpr char kCausePayload[] = "croft/cause";
constexpr char kFindingsPayload[] = "croft/findings";

absl::string_view TextOf(Cause cause) {
  switch (cause) {
    case Cause::kRefusal: return "refusal";
    case Cause::kResource: return "resource";
    case Cause::kOutage: return "outage";
    case Cause::kUnspecified: break;
  }
  return "";
}

}  // namespace

absl::Status WithCause(absl::Status status, Cause cause) {
  status.SetPayload(kCausePayload, absl::Cord(TextOf(cause)));
  return status;
}

bool HasCause(const absl::Status& status) { return status.GetPayload(kCausePayload).has_value(); }

Cause CauseOf(const absl::Status& status) {
  if (const auto payload = status.GetPayload(kCausePayload)) {
    for (const Cause cause : {Cause::kRefusal, Cause::kResource, Cause::kOutage}) {
      if (*payload == TextOf(cause)) return cause;
    }
    return Cause::kUnspecified;
  }
  if (absl::IsResourceExhausted(status)) return Cause::kResource;
  if (DetailsOf(status).reason == "POSTGRES_UNAVAILABLE") return Cause::kOutage;
  const bool passing =
      absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsCancelled(status);
  return status.ok() || passing ? Cause::kUnspecified : Cause::kRefusal;
}

absl::Status WithFindings(absl::Status status, const std::vector<Finding>& findings) {
  const std::string text = EncodeFindings(findings).dump(-1, ' ', false, Json::error_handler_t::replace);
  status.SetPayload(kFindingsPayload, absl::Cord(text));
  return status;
}

std::vector<Finding> FindingsOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kFindingsPayload);
  return payload ? DecodeFindings(Json::parse(std::string(*payload))) : std::vector<Finding>();
}

Json EncodeFindings(const std::vector<Finding>& findings) {
  Json json = Json::array();
  for (const Finding& finding : findings) {
    json.push_back({{"severity", static_cast<int>(finding.severity)},
                    {"reason", finding.reason},
                    {"object", finding.object},
                    {"owner", finding.owner},
                    {"message", finding.message},
                    {"postgres_message", finding.postgres_message},
                    {"remedy", finding.remedy}});
  }
  return json;
}

std::vector<Finding> DecodeFindings(const Json& json) {
  std::vector<Finding> findings;
  for (const Json& finding : json) {
    const int severity = finding.at("severity");
    findings.push_back({.severity = severity == 0   ? Severity::kNote
                                    : severity == 1 ? Severity::kMissing
                                                    : Severity::kDifferent,
                        .reason = finding.at("reason"),
                        .object = finding.at("object"),
                        .owner = finding.at("owner"),
                        .message = finding.at("message"),
                        .postgres_message = finding.at("postgres_message"),
                        .remedy = finding.at("remedy")});
  }
  return findings;
}

}  // namespace croft::agent
