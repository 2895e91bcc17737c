#include "controlplane/handlers/lookup.h"

#include <optional>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/slice.h>

#include "common/errors.h"
#include "controlplane/access/policy.h"
#include "controlplane/handlers/placement_feed.h"
#include "controlplane/lookup/wanted.h"
#include "controlplane/wire/status.h"
#include "controlplane/wire/violations.h"

namespace croft::handlers {
namespace {

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

void AppendField(std::string& bytes, int field, const std::string& value) {
  using google::protobuf::internal::WireFormatLite;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.WriteVarint32(WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
  coded.WriteVarint32(static_cast<uint32_t>(value.size()));
  coded.WriteString(value);
}

// What one caller may see, for many names.
class Sight {
 public:
  Sight(const lookup::PlacementIndex& index, const RequestContext& context)
      : index_(index), context_(context), all_(context.principal.kind == access::PrincipalKind::kAdmin) {}

  // The errors of Policy::Check; sets whether the password may be shown.
  absl::Status Check(absl::string_view name, bool& password) const {
    password = all_;
    if (all_) return absl::OkStatus();
    lookup::PlacementIndex::Identity identity;
    const bool known = index_.Identify(name, identity);
    const absl::string_view id = known ? absl::string_view(identity.id) : name;
    const access::Labels* labels = known ? &identity.labels : nullptr;
    password = policy_.SeesSecrets(context_.principal, id, labels);
    return policy_.Check(context_.principal, context_.caller.method, {.tenant = id, .labels = labels});
  }

 private:
  const lookup::PlacementIndex& index_;
  const RequestContext& context_;
  const access::Policy policy_{};
  const bool all_;
};

}  // namespace

Service LookupHandlers::service() {
  Service service("croft.v1.LookupService");
  service.Unary("Lookup", *this, &LookupHandlers::Lookup, Runs::kInline);
  service.Unary("BatchLookup", *this, &LookupHandlers::BatchLookup, Runs::kInline);
  service.ServerStream("WatchPlacements", *this, &LookupHandlers::WatchPlacements);
  return service;
}

absl::StatusOr<grpc::ByteBuffer> LookupHandlers::Lookup(const RequestContext& context,
                                                        const v1::LookupRequest& request) {
  CROFT_ASSIGN_OR_RETURN(lookup::Wanted wanted, lookup::ParseWanted(request.role(), request.purpose()));
  CROFT_ASSIGN_OR_RETURN(const std::string name, lookup::ParseTenantOrAlias(request.tenant(), "tenant"));
  bool password = false;
  CROFT_RETURN_IF_ERROR(Sight(index_, context).Check(name, password));
  wanted.password = password && !request.omit_password();
  std::string reply;
  CROFT_RETURN_IF_ERROR(index_.Lookup(name, wanted, reply));
  return ToBuffer(reply);
}

absl::StatusOr<grpc::ByteBuffer> LookupHandlers::BatchLookup(const RequestContext& context,
                                                             const v1::BatchLookupRequest& request) {
  if (request.tenants().empty() || static_cast<size_t>(request.tenants_size()) > lookup::kMostNames) {
    return InvalidField("tenants", absl::StrCat("must be 1 to ", lookup::kMostNames, " names"));
  }
  CROFT_ASSIGN_OR_RETURN(lookup::Wanted wanted, lookup::ParseWanted(request.role(), request.purpose()));
  wanted.extras = request.include_settings();
  const Sight sight(index_, context);
  const auto look_up = [&](const std::string& asked, std::string& reply) {
    CROFT_ASSIGN_OR_RETURN(const std::string name, lookup::ParseTenantOrAlias(asked, "tenants"));
    bool password = false;
    CROFT_RETURN_IF_ERROR(sight.Check(name, password));
    wanted.password = password && !request.omit_password();
    return index_.Lookup(name, wanted, reply);
  };

  std::string response;
  std::string result;
  std::string reply;
  for (const std::string& asked : request.tenants()) {
    result.clear();
    reply.clear();
    const absl::Status status = look_up(asked, reply);
    if (status.ok()) {
      AppendField(result, v1::BatchLookupResponse::Result::kPlacementFieldNumber, reply);
    } else {
      AppendField(result, v1::BatchLookupResponse::Result::kErrorFieldNumber,
                  wire::ToProto(status).SerializeAsString());
    }
    AppendField(response, v1::BatchLookupResponse::kResultsFieldNumber, result);
  }
  return ToBuffer(response);
}

absl::StatusOr<std::unique_ptr<Feed<grpc::ByteBuffer>>> LookupHandlers::WatchPlacements(
    const RequestContext& context, const v1::WatchPlacementsRequest& request, Wake wake) {
  CROFT_ASSIGN_OR_RETURN(lookup::Wanted wanted, lookup::ParseWanted(request.role(), request.purpose()));
  wanted.password = !request.omit_password();
  std::optional<domain::Revision> since;
  if (request.has_since()) since = domain::Revision{request.since().epoch(), request.since().revision()};
  return PlacementFeed::Open(index_, hub_, clock_, context.principal, wanted, since, std::move(wake));
}

}  // namespace croft::handlers
