#pragma once

#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>
#include <grpcpp/support/byte_buffer.h>

#include "common/clock.h"
#include "controlplane/handlers/call_log.h"
#include "controlplane/handlers/service.h"
#include "controlplane/handlers/shared_messages.h"
#include "controlplane/handlers/watch_hub.h"
#include "controlplane/lookup/placement_index.h"
#include "croft/v1/lookup.pb.h"

namespace croft::handlers {

// croft.v1.LookupService. Thread-safe. Lookup and BatchLookup answer from memory and never wait
// but for the audit, when a caller reads its first password in an hour.
class LookupHandlers {
 public:
  // All outlive it.
  LookupHandlers(const lookup::PlacementIndex& index, WatchHub& hub, CallLog& log, const Clock& clock)
      : index_(index), hub_(hub), log_(log), clock_(clock) {}

  Service service();

 private:
  void Lookup(const RequestContext& context, const v1::LookupRequest& request,
              Respond<grpc::ByteBuffer> respond);
  void BatchLookup(const RequestContext& context, const v1::BatchLookupRequest& request,
                   Respond<grpc::ByteBuffer> respond);
  absl::StatusOr<std::unique_ptr<Feed<grpc::ByteBuffer>>> WatchPlacements(
      const RequestContext& context, const v1::WatchPlacementsRequest& request, Wake wake);

  // Lets `bytes` out once the audit holds whose passwords are in it.
  void Release(const RequestContext& context, const std::string& bytes,
               absl::Span<const absl::string_view> passwords_of, const Respond<grpc::ByteBuffer>& respond);

  const lookup::PlacementIndex& index_;
  WatchHub& hub_;
  SharedMessages shared_;
  CallLog& log_;
  const Clock& clock_;
};

}  // namespace croft::handlers
