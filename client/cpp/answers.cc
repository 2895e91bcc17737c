// Converts answers of the control plane into the library's types and checks them.

#include "client/cpp/answers.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <google/protobuf/util/json_util.h>

#include "common/errors.h"
#include "croft/v1/error.pb.h"

namespace croft::client {
namespace {

using croft::v1::LookupResponse;
using Change = croft::v1::WatchPlacementsResponse::Change;

constexpr std::string_view kCollection = "tenants/";
constexpr int kLastCode = 16;  // of gRPC's status codes
// A day: whatever a server says, an answer is asked again some time.
constexpr std::chrono::milliseconds kShortestTtl{1};
constexpr std::chrono::milliseconds kLongestTtl = std::chrono::hours(24);

std::string ReasonOf(const croft::v1::Status& status) {
  for (const google::protobuf::Any& detail : status.details()) {
    croft::v1::ErrorInfo info;
    // The second is what control planes before 0.2 wrote.
    const bool is_info = detail.type_url() == "type.googleapis.com/croft.v1.ErrorInfo" ||
                         detail.type_url() == "type.googleapis.com/google.rpc.ErrorInfo";
    if (is_info && info.ParseFromString(detail.value())) {
      return info.reason();
    }
  }
  return "";
}

absl::Status InvalidResponse(const std::string& what) {
  return absl::DataLossError("the control plane's answer makes no sense: " + what);
}

absl::StatusOr<std::string> TenantIn(const std::string& name) {
  if (name.size() <= kCollection.size() || name.compare(0, kCollection.size(), kCollection) != 0) {
    return InvalidResponse("it is for no tenant");
  }
  return name.substr(kCollection.size());
}

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json);
  return status.ok() ? json : std::string();
}

std::string FeaturesToJson(const LookupResponse& response) {
  if (response.features().empty()) return "";
  google::protobuf::Struct object;
  for (const auto& [key, value] : response.features()) (*object.mutable_fields())[key] = value;
  return ToJson(object);
}

absl::Status CheckPlacement(const LookupResponse& response) {
  if (response.uid().empty()) return InvalidResponse("the tenant has no uid");
  if (response.placement_generation() <= 0) return InvalidResponse("the placement has no generation");
  if (response.endpoints().empty()) return InvalidResponse("the placement has no endpoint");
  const croft::v1::Endpoint& endpoint = response.endpoints(0);
  const bool reachable = !endpoint.host().empty() && endpoint.port() > 0 && endpoint.port() < 65536;
  if (!reachable || endpoint.database().empty()) return InvalidResponse("the endpoint has no address");
  if (response.conninfo().empty()) return InvalidResponse("the placement has no conninfo");
  if (response.revision().epoch() < 0 || response.revision().revision() < 0) {
    return InvalidResponse("the revision is negative");
  }
  return absl::OkStatus();
}

std::shared_ptr<const Placement> ToPlacement(const std::string& tenant, const LookupResponse& response) {
  auto placement = std::make_shared<Placement>();
  const croft::v1::Endpoint& endpoint = response.endpoints(0);
  placement->tenant = tenant;
  placement->uid = response.uid();
  placement->generation = response.placement_generation();
  placement->host = endpoint.host();
  placement->port = endpoint.port();
  placement->database = endpoint.database();
  placement->user = endpoint.user();
  placement->password = response.password();
  placement->sslmode = response.sslmode();
  placement->root_certificate = response.root_certificate();
  placement->conninfo = response.conninfo();
  placement->uri = response.uri();
  if (response.has_settings()) placement->settings = ToJson(response.settings());
  placement->features = FeaturesToJson(response);
  placement->closed_for_growth = response.closed_for_growth();
  placement->epoch = response.revision().epoch();
  placement->revision = response.revision().revision();
  return placement;
}

}  // namespace

absl::StatusOr<Remote::Answer> ToAnswer(const LookupResponse& response) {
  const absl::StatusOr<std::string> tenant = TenantIn(response.tenant());
  if (!tenant.ok()) return tenant.status();
  if (absl::Status status = CheckPlacement(response); !status.ok()) return status;
  Remote::Answer answer;
  answer.tenant = *tenant;
  Knowledge& knowledge = answer.knowledge;
  knowledge.placement = ToPlacement(*tenant, response);
  knowledge.generation = response.placement_generation();
  knowledge.epoch = response.revision().epoch();
  knowledge.revision = response.revision().revision();
  knowledge.confirmed = knowledge.mentioned = std::chrono::steady_clock::now();
  const int64_t seconds =
      std::clamp<int64_t>(response.ttl().seconds(), 0, kLongestTtl / std::chrono::seconds(1));
  const std::chrono::milliseconds ttl(seconds * 1000 + response.ttl().nanos() / 1'000'000);
  answer.ttl = std::clamp(ttl, kShortestTtl, kLongestTtl);
  return answer;
}

absl::StatusOr<WatchedChange> ToChange(const Change& change) {
  const absl::StatusOr<std::string> tenant = TenantIn(change.tenant());
  if (!tenant.ok()) return tenant.status();
  WatchedChange told;
  told.tenant = *tenant;
  told.aliases.assign(change.aliases().begin(), change.aliases().end());
  switch (change.what_case()) {
    case Change::kPlacement: {
      absl::StatusOr<Remote::Answer> answer = ToAnswer(change.placement());
      if (!answer.ok()) return answer.status();
      if (answer->tenant != *tenant) return InvalidResponse("the placement is another tenant's");
      told.knowledge = std::move(answer->knowledge);
      told.ttl = answer->ttl;
      break;
    }
    case Change::kRefused: {
      const int code = change.refused().code();
      if (code < 1 || code > kLastCode) return InvalidResponse("a refusal has no code");
      told.knowledge.refusal = MakeError(static_cast<absl::StatusCode>(code), change.refused().message(),
                                         {.reason = ReasonOf(change.refused())});
      break;
    }
    case Change::kRemoved: told.removed = true; break;
    case Change::WHAT_NOT_SET: return InvalidResponse("a change does not say what changed");
  }
  told.knowledge.generation = change.placement_generation();
  told.knowledge.epoch = change.revision().epoch();
  told.knowledge.revision = change.revision().revision();
  told.knowledge.confirmed = told.knowledge.mentioned = std::chrono::steady_clock::now();
  return told;
}

}  // namespace croft::client
