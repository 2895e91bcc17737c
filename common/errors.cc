// Attaches machine-readable details to statuses, and reads them back.

#include "common/errors.h"

#include <utility>

#include <absl/strings/cord.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <nlohmann/json.hpp>

namespace croft {
namespace {

using Json = nlohmann::json;

constexpr char kPayload[] = "croft/error-details";

// Messages and metadata can quote what a caller sent, so they may hold any bytes.
std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string Encode(const ErrorDetails& details) {
  Json violations = Json::array();
  for (const FieldViolation& violation : details.violations) {
    violations.push_back({violation.field, violation.description});
  }
  Json json = {{"reason", details.reason}, {"metadata", details.metadata}, {"violations", violations}};
  if (details.retry_delay) json["retry_ns"] = absl::ToInt64Nanoseconds(*details.retry_delay);
  return Dump(json);
}

ErrorDetails Decode(const std::string& text) {
  const Json json = Json::parse(text);
  ErrorDetails details;
  details.reason = json.at("reason");
  details.metadata = json.at("metadata").get<ErrorMetadata>();
  for (const Json& violation : json.at("violations")) {
    details.violations.push_back({violation.at(0), violation.at(1)});
  }
  if (json.contains("retry_ns")) details.retry_delay = absl::Nanoseconds(json["retry_ns"].get<int64_t>());
  return details;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view message, ErrorDetails details) {
  absl::Status status(code, message);
  status.SetPayload(kPayload, absl::Cord(Encode(details)));
  return status;
}

absl::Status InvalidFields(std::vector<FieldViolation> violations) {
  const std::string message =
      absl::StrJoin(violations, "; ", [](std::string* out, const FieldViolation& violation) {
        absl::StrAppend(out, violation.field, ": ", violation.description);
      });
  ErrorDetails details{.reason = "INVALID_FIELD", .metadata = {{"field", violations.front().field}}};
  details.violations = std::move(violations);
  return MakeError(absl::StatusCode::kInvalidArgument, message, std::move(details));
}

absl::Status InvalidField(absl::string_view field, absl::string_view description) {
  return InvalidFields({{std::string(field), std::string(description)}});
}

ErrorDetails DetailsOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayload);
  return payload ? Decode(std::string(*payload)) : ErrorDetails();
}

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { annotated.SetPayload(url, payload); });
  return annotated;
}

}  // namespace croft
