// Implements LookupService.

#include "controlplane/handlers/lookup.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/slice.h>

#include "common/errors.h"
#include "controlplane/access/policy.h"
#include "controlplane/handlers/placement_feed.h"
#include "controlplane/lookup/reply.h"
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
class Visibility {
 public:
  Visibility(const lookup::PlacementIndex& index, const RequestContext& context)
      : index_(index), context_(context), all_(policy_.SeesAll(context.principal, context.caller.method)) {}

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
  const access::Policy policy_{};
  const lookup::PlacementIndex& index_;
  const RequestContext& context_;
  const bool all_;
};

}  // namespace

Service LookupHandlers::service() {
  Service service("croft.v1.LookupService");
  service.DeferredUnary("Lookup", *this, &LookupHandlers::Lookup, Runs::kInline);
  service.DeferredUnary("BatchLookup", *this, &LookupHandlers::BatchLookup, Runs::kInline);
  service.ServerStream("WatchPlacements", *this, &LookupHandlers::WatchPlacements);
  return service;
}

void LookupHandlers::Release(const RequestContext& context, const std::string& bytes,
                             absl::Span<const absl::string_view> passwords_of,
                             const Respond<grpc::ByteBuffer>& respond) {
  if (passwords_of.empty() || log_.NoteReads(context, passwords_of)) return respond(ToBuffer(bytes));
  log_.WhenRecorded(context, [respond, buffer = ToBuffer(bytes)](const absl::Status& recorded) {
    if (recorded.ok()) return respond(buffer);
    respond(recorded);
  });
}

void LookupHandlers::Lookup(const RequestContext& context, const v1::LookupRequest& request,
                            Respond<grpc::ByteBuffer> respond) {
  std::string reply;
  const auto look_up = [&]() -> absl::StatusOr<bool> {
    CROFT_ASSIGN_OR_RETURN(lookup::Wanted wanted, lookup::ParseWanted(request.role(), request.purpose()));
    CROFT_ASSIGN_OR_RETURN(const std::string name, lookup::ParseTenantOrAlias(request.tenant(), "tenant"));
    bool password = false;
    CROFT_RETURN_IF_ERROR(Visibility(index_, context).Check(name, password));
    wanted.password = password && !request.omit_password();
    CROFT_RETURN_IF_ERROR(index_.Lookup(name, wanted, reply));
    return wanted.password;
  };
  const absl::StatusOr<bool> password = look_up();
  if (!password.ok()) return respond(password.status());
  if (!*password) return respond(ToBuffer(reply));
  Release(context, reply, {lookup::TenantIn(reply)}, respond);
}

void LookupHandlers::BatchLookup(const RequestContext& context, const v1::BatchLookupRequest& request,
                                 Respond<grpc::ByteBuffer> respond) {
  if (request.tenants().empty() || static_cast<size_t>(request.tenants_size()) > lookup::kMostNames) {
    return respond(InvalidField("tenants", absl::StrCat("must be 1 to ", lookup::kMostNames, " names")));
  }
  absl::StatusOr<lookup::Wanted> wanted = lookup::ParseWanted(request.role(), request.purpose());
  if (!wanted.ok()) return respond(wanted.status());
  wanted->extras = request.include_settings();
  const Visibility sight(index_, context);
  const auto look_up = [&](const std::string& asked, std::string& reply) {
    CROFT_ASSIGN_OR_RETURN(const std::string name, lookup::ParseTenantOrAlias(asked, "tenants"));
    bool password = false;
    CROFT_RETURN_IF_ERROR(sight.Check(name, password));
    wanted->password = password && !request.omit_password();
    return index_.Lookup(name, *wanted, reply);
  };

  std::string response;
  std::string result;
  std::string reply;
  std::vector<std::string> ids;
  absl::Status denied;
  for (const std::string& asked : request.tenants()) {
    result.clear();
    reply.clear();
    const absl::Status status = look_up(asked, reply);
    if (status.ok()) {
      if (wanted->password) ids.emplace_back(lookup::TenantIn(reply));
      AppendField(result, v1::BatchLookupResponse::Result::kPlacementFieldNumber, reply);
    } else {
      if (absl::IsPermissionDenied(status)) denied = status;
      AppendField(result, v1::BatchLookupResponse::Result::kErrorFieldNumber,
                  wire::ToProto(status).SerializeAsString());
    }
    AppendField(response, v1::BatchLookupResponse::kResultsFieldNumber, result);
  }
  if (!denied.ok()) log_.NoteDenied(context, "", denied);
  const std::vector<absl::string_view> passwords_of(ids.begin(), ids.end());
  Release(context, response, passwords_of, respond);
}

absl::StatusOr<std::unique_ptr<Feed<grpc::ByteBuffer>>> LookupHandlers::WatchPlacements(
    const RequestContext& context, const v1::WatchPlacementsRequest& request, Wake wake) {
  CROFT_ASSIGN_OR_RETURN(lookup::Wanted wanted, lookup::ParseWanted(request.role(), request.purpose()));
  wanted.password = !request.omit_password();
  std::optional<domain::Revision> since;
  if (request.has_since()) since = domain::Revision{request.since().epoch(), request.since().revision()};
  return PlacementFeed::Open({index_, hub_, shared_, log_, clock_}, context, wanted, since,
                             std::move(wake));
}

}  // namespace croft::handlers
