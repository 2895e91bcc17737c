#pragma once

#include <string>

// Which work a thread does: its log lines carry the ids, and PostgreSQL sessions that it opens carry the operation's.
namespace croft {

struct Work {
  std::string operation;   // id of the operation, such as op-2q…; empty where there is none
  std::string request_id;  // of the call that asks for it
  std::string trace_id;    // of the caller's trace, by W3C's traceparent
};

// The thread's work while this lives. Scopes nest.
class WorkScope {
 public:
  explicit WorkScope(Work work);
  ~WorkScope();
  WorkScope(const WorkScope&) = delete;
  WorkScope& operator=(const WorkScope&) = delete;

 private:
  Work before_;
};

// Of this thread; all empty outside every scope.
[[nodiscard]] const Work& CurrentWork();

// The trace id of a `traceparent` header, which is 32 hexadecimal digits; empty when the header is not of W3C's form.
[[nodiscard]] std::string TraceIdOf(const std::string& traceparent);

}  // namespace croft
