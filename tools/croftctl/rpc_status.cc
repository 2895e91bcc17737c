// Converts gRPC's statuses with their details.

#include "tools/croftctl/rpc_status.h"

#include <string>
#include <utility>

#include <absl/strings/string_view.h>
#include <absl/strings/strip.h>
#include <google/protobuf/util/time_util.h>

#include "common/errors.h"

namespace croft::ctl {
namespace {

using google::protobuf::util::TimeUtil;

void AddDetail(const google::protobuf::Any& any, ErrorDetails& details) {
  const absl::string_view url = any.type_url();
  absl::string_view type = url.substr(url.find_last_of('/') + 1);
  // croft.v1's in messages, google.rpc's in trailers and from earlier control planes.
  if (!absl::ConsumePrefix(&type, "croft.v1.") && !absl::ConsumePrefix(&type, "google.rpc.")) return;
  if (v1::ErrorInfo info; type == "ErrorInfo" && info.ParseFromString(any.value())) {
    details.reason = info.reason();
    details.metadata.insert(info.metadata().begin(), info.metadata().end());
  } else if (v1::BadRequest bad; type == "BadRequest" && bad.ParseFromString(any.value())) {
    for (const auto& violation : bad.field_violations()) {
      details.violations.push_back({violation.field(), violation.description()});
    }
  } else if (v1::RetryInfo retry; type == "RetryInfo" && retry.ParseFromString(any.value())) {
    details.retry_delay = absl::Nanoseconds(TimeUtil::DurationToNanoseconds(retry.retry_delay()));
  }
}

}  // namespace

absl::Status FromWire(const v1::Status& status) {
  if (status.code() == 0) return absl::OkStatus();
  ErrorDetails details;
  for (const auto& any : status.details()) AddDetail(any, details);
  return MakeError(static_cast<absl::StatusCode>(status.code()), status.message(), std::move(details));
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  v1::Status wire;
  if (!wire.ParseFromString(status.error_details())) wire.Clear();
  // gRPC's own code and message hold, also where a proxy changed them and left the details alone.
  wire.set_code(status.error_code());
  wire.set_message(status.error_message());
  return FromWire(wire);
}

}  // namespace croft::ctl
