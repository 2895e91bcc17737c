#include "tests/sim/link.h"

#include <algorithm>

namespace croft::sim {
namespace {

constexpr absl::Duration kSilence = absl::Seconds(30);

}  // namespace

absl::Time Link::Arrival(Lane& lane) {
  const bool slow = world_.faults && world_.dice.Chance(1, 30);
  if (slow) world_.tally.Fault("message delayed");
  const absl::Duration delay = slow ? world_.dice.Between(absl::Seconds(1), absl::Seconds(20))
                                    : world_.dice.Between(absl::Microseconds(200), absl::Milliseconds(20));
  const absl::Time arrival = world_.scheduler.Now() + delay;
  // The first message is the greeting, and nothing comes before it.
  const bool reordered = world_.faults && lane.used && world_.dice.Chance(1, 25);
  if (reordered) {
    world_.tally.Fault("message reordered");
    return std::max(lane.greeting_arrival, arrival);
  }
  lane.last_arrival = std::max(lane.last_arrival, arrival);
  if (!lane.used) lane.greeting_arrival = lane.last_arrival;
  return lane.last_arrival;
}

void Link::Carry(Lane& lane, std::function<void()> deliver) {
  if (lane.cut) return world_.tally.Fault("message dropped");
  const std::function<void()> arrive = [self = shared_from_this(), &lane, deliver = std::move(deliver)] {
    if (lane.cut) return self->world_.tally.Fault("message dropped");
    deliver();
  };
  const absl::Time arrival = Arrival(lane);
  world_.scheduler.At(arrival, arrive);
  if (world_.faults && lane.used && world_.dice.Chance(1, 25)) {
    world_.tally.Fault("message doubled");
    world_.scheduler.At(arrival + world_.dice.Between(absl::ZeroDuration(), absl::Seconds(40)), arrive);
  }
  lane.used = true;
}

void Link::Up(const v1::ConnectRequest& message) {
  if (world_.faults && world_.dice.Chance(1, 150)) CutUp();
  Carry(up_, [self = shared_from_this(), message] {
    if (self->plane_ != nullptr) self->plane_->OnMessage(self, message);
  });
}

void Link::Down(const v1::ConnectResponse& message) {
  if (world_.faults && world_.dice.Chance(1, 150)) CutDown();
  Carry(down_, [self = shared_from_this(), message] {
    if (self->agent_ != nullptr) self->agent_->OnMessage(self, message);
  });
}

void Link::CutUp() {
  if (up_.cut) return;
  up_.cut = true;
  world_.tally.Fault("one-way cut");
  world_.Say("link of ", host_, " carries nothing up");
  world_.scheduler.After(kSilence, [self = shared_from_this()] {
    if (self->plane_ == nullptr) return;
    PlaneEnd* plane = self->plane_;
    self->ClosePlaneEnd(absl::UnavailableError("silent too long"));
    plane->OnEnded(self);
  });
}

void Link::CutDown() {
  if (down_.cut) return;
  down_.cut = true;
  world_.tally.Fault("one-way cut");
  world_.Say("link of ", host_, " carries nothing down");
  world_.scheduler.After(world_.dice.Between(absl::Seconds(10), absl::Seconds(60)),
                         [self = shared_from_this()] {
                           if (self->agent_ == nullptr) return;
                           AgentEnd* agent = self->agent_;
                           self->CloseAgentEnd();
                           agent->OnEnded(self, absl::UnavailableError("keepalive"));
                         });
}

void Link::CloseAgentEnd() {
  if (agent_ == nullptr) return;
  agent_ = nullptr;
  if (up_.cut) return;
  up_.last_arrival =
      std::max(up_.last_arrival,
               world_.scheduler.Now() + world_.dice.Between(absl::ZeroDuration(), absl::Seconds(1)));
  world_.scheduler.At(up_.last_arrival, [self = shared_from_this()] {
    if (self->plane_ == nullptr || self->up_.cut) return;
    PlaneEnd* plane = self->plane_;
    self->plane_ = nullptr;
    plane->OnEnded(self);
  });
}

void Link::ClosePlaneEnd(const absl::Status& status) {
  if (plane_ == nullptr) return;
  plane_ = nullptr;
  if (down_.cut) return;
  down_.last_arrival =
      std::max(down_.last_arrival,
               world_.scheduler.Now() + world_.dice.Between(absl::ZeroDuration(), absl::Seconds(1)));
  world_.scheduler.At(down_.last_arrival, [self = shared_from_this(), status] {
    if (self->agent_ == nullptr || self->down_.cut) return;
    AgentEnd* agent = self->agent_;
    self->agent_ = nullptr;
    agent->OnEnded(self, status);
  });
}

}  // namespace croft::sim
