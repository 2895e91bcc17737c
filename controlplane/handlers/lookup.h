#pragma once

#include <memory>

#include <absl/status/statusor.h>
#include <grpcpp/support/byte_buffer.h>

#include "common/clock.h"
#include "controlplane/handlers/service.h"
#include "controlplane/handlers/watch_hub.h"
#include "controlplane/lookup/placement_index.h"
#include "croft/v1/lookup.pb.h"

namespace croft::handlers {

// croft.v1.LookupService. Thread-safe. Lookup and BatchLookup answer from memory and never wait.
class LookupHandlers {
 public:
  LookupHandlers(const lookup::PlacementIndex& index, WatchHub& hub, const Clock& clock)
      : index_(index), hub_(hub), clock_(clock) {}

  Service service();

 private:
  absl::StatusOr<grpc::ByteBuffer> Lookup(const RequestContext& context, const v1::LookupRequest& request);
  absl::StatusOr<grpc::ByteBuffer> BatchLookup(const RequestContext& context,
                                               const v1::BatchLookupRequest& request);
  absl::StatusOr<std::unique_ptr<Feed<grpc::ByteBuffer>>> WatchPlacements(
      const RequestContext& context, const v1::WatchPlacementsRequest& request, Wake wake);

  const lookup::PlacementIndex& index_;
  WatchHub& hub_;
  const Clock& clock_;
};

}  // namespace croft::handlers
