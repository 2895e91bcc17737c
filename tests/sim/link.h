#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "croft/v1/agent.pb.h"
#include "tests/sim/world.h"

namespace croft::sim {

class Link;

// Who sits at the control plane's end of a link.
class PlaneEnd {
 public:
  virtual ~PlaneEnd() = default;
  virtual void OnConnected(const std::shared_ptr<Link>& link) = 0;
  virtual void OnMessage(const std::shared_ptr<Link>& link, const v1::ConnectRequest& message) = 0;
  // The agent's end has gone, or was silent too long.
  virtual void OnEnded(const std::shared_ptr<Link>& link) = 0;
};

// Who sits at the agent's end.
class AgentEnd {
 public:
  virtual ~AgentEnd() = default;
  virtual void OnMessage(const std::shared_ptr<Link>& link, const v1::ConnectResponse& message) = 0;
  virtual void OnEnded(const std::shared_ptr<Link>& link, const absl::Status& status) = 0;
};

// One stream of an agent, over a network that delays, doubles and reorders messages, and that may stop carrying
// them in one direction or both without telling. What was lost is noticed later, by silence. An end that closed or
// whose process died hears nothing any more.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(World& world, std::string host, AgentEnd* agent, PlaneEnd* plane)
      : world_(world), host_(std::move(host)), agent_(agent), plane_(plane) {}

  const std::string& host() const { return host_; }
  bool agent_open() const { return agent_ != nullptr; }
  bool plane_open() const { return plane_ != nullptr; }

  void Up(const v1::ConnectRequest& message);
  void Down(const v1::ConnectResponse& message);
  // Each closes one end and has the other told, if anything is still carried there.
  void CloseAgentEnd();
  void ClosePlaneEnd(const absl::Status& status);
  // Nothing is carried any more.
  void Cut() {
    CutUp();
    CutDown();
  }
  void CutUp();
  void CutDown();

 private:
  struct Lane {
    bool cut = false;
    bool used = false;
    absl::Time greeting_arrival = absl::InfinitePast();
    absl::Time last_arrival = absl::InfinitePast();
  };
  // When the next message of the lane arrives; sometimes a second time, too.
  void Carry(Lane& lane, std::function<void()> deliver);
  absl::Time Arrival(Lane& lane);

  World& world_;
  const std::string host_;
  AgentEnd* agent_;
  PlaneEnd* plane_;
  Lane up_;
  Lane down_;
};

}  // namespace croft::sim
