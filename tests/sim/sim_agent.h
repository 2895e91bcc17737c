#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/journal/journal.h"
#include "agent/session/task_queues.h"
#include "agent/store/store.h"
#include "agent/tasks/task_runner.h"
#include "tests/sim/link.h"
#include "tests/sim/world.h"

namespace croft::sim {

// What watches everything that happens, for the invariants.
class Watch {
 public:
  virtual ~Watch() = default;
  // A call of a task had its effect, or none.
  virtual void AfterCall(SimHost& host, const agent::Task* task) = 0;
  // A task is about to be given to the agent's queues.
  virtual void OnTask(const agent::Task& task) = 0;
  // The journal let a task have effects at an agent that was greeted by a control plane of `epoch` at last.
  virtual void OnRun(SimHost& host, const agent::Task& task, int64_t epoch) = 0;
  // What is written into the journal or told to a control plane.
  virtual void OnText(const std::string& where, const std::string& text) = 0;
};

// The process of an agent. Shipped code: the journal on a file, the queues, the recorded run, the wire's
// conversions, and all tasks on SQL objects. Done anew here: the loop of the session (connect, greet, send, read)
// and threads, which are fibers. Backups are the model of backup_model.h.
class SimAgent final : public AgentEnd, private agent::ModelTraffic {
 public:
  // Returns the control plane to connect to now; nothing when there is none.
  using FindPlane = std::function<PlaneEnd*()>;

  SimAgent(World& world, SimHost& host, Watch& watch, FindPlane find_plane, std::string journal_path);
  ~SimAgent() override;

  void Start();
  // The process dies with all its tasks; what the journal holds and what the server did stays.
  void Crash();
  bool alive() const { return alive_; }
  const std::string& host() const { return host_.id; }
  const std::string& journal_path() const { return journal_path_; }
  // Told that another agent took its place, it ends for good.
  bool superseded() const { return superseded_; }
  // It dies at the `calls`th call from now.
  void CrashAtCall(int64_t calls) { calls_to_crash_ = calls; }
  // Its PostgreSQL came or went.
  void Beat();
  bool idle() const { return fibers_.empty(); }
  // Has the watch read all that its journal holds.
  void ShowJournal();

  void OnMessage(const std::shared_ptr<Link>& link, const v1::ConnectResponse& message) override;
  void OnEnded(const std::shared_ptr<Link>& link, const absl::Status& status) override;
  const std::shared_ptr<Link>& link() const { return link_; }

 private:
  class Context;

  void Connect();
  void ConnectLater();
  void Greet(const v1::Welcome& welcome);
  void Send(const v1::ConnectRequest& message);
  v1::HostReport Report() const;
  void Submit(const v1::Task& message);
  void Run(std::shared_ptr<agent::QueuedTask> queued);
  void Perform(const std::shared_ptr<agent::QueuedTask>& queued);
  absl::StatusOr<agent::Outcome> RunTask(const agent::QueuedTask& queued);

  absl::Status OnCall(absl::string_view call) override;
  absl::Status OnAnswer(absl::string_view call) override;
  absl::Status Refusal(absl::string_view call) override;
  bool GoesOn(absl::string_view database) override;
  bool CutsDrop() override;
  int Lingers() override;
  // Throws Killed in a fiber of an agent that died.
  void MayDie();

  World& world_;
  SimHost& host_;
  Watch& watch_;
  const FindPlane find_plane_;
  const std::string journal_path_;
  const std::unique_ptr<agent::Journal> journal_;
  agent::ModelCluster cluster_;
  const std::vector<std::unique_ptr<agent::Store>> stores_;  // backups are modelled
  agent::TaskRunner runner_;
  std::unique_ptr<agent::TaskQueues> queues_;
  bool alive_ = false;
  bool superseded_ = false;
  int64_t incarnation_ = 0;
  int64_t obeyed_epoch_ = 0;
  int64_t calls_to_crash_ = -1;
  std::shared_ptr<Link> link_;
  bool open_ = false;  // greeted
  std::map<Scheduler::FiberId, std::shared_ptr<agent::QueuedTask>> fibers_;
};

}  // namespace croft::sim
