// The table of all kinds of operations.

#include "controlplane/operations/rules.h"

#include <cstdlib>
#include <variant>

#include "controlplane/engine/requests.h"
#include "controlplane/operations/kinds.h"

namespace croft::operations {
namespace {

class Table final : public engine::Rules {
 public:
  const Kind& KindOf(domain::OperationKind kind) const override { return operations::KindOf(kind); }

  // A request without a Handle, here or in engine/requests.h, does not compile.
  absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller,
                                 const engine::RequestBody& body) const override {
    return std::visit(
        [&](const auto& request) {
          using engine::Handle;
          using operations::Handle;
          return Handle(draft, caller, request);
        },
        body);
  }
};

}  // namespace

const engine::Rules& AllRules() {
  static const Table* const table = new Table();
  return *table;
}

// A kind without a row does not compile.
const Kind& KindOf(domain::OperationKind kind) {
  switch (kind) {
    case domain::OperationKind::kCreate: return operations::kCreate;
    case domain::OperationKind::kConfigure: return operations::kConfigure;
    case domain::OperationKind::kSuspend: return operations::kSuspend;
    case domain::OperationKind::kResume: return operations::kResume;
    case domain::OperationKind::kRetire: return operations::kRetire;
    case domain::OperationKind::kUndelete: return operations::kUndelete;
    case domain::OperationKind::kPurge: return operations::kPurge;
    case domain::OperationKind::kRestore: return operations::kRestore;
    case domain::OperationKind::kRotate: return operations::kRotate;
    case domain::OperationKind::kBackUp: return operations::kBackUp;
    case domain::OperationKind::kVerify: return operations::kVerify;
    case domain::OperationKind::kDeleteBackup: return operations::kDeleteBackup;
    case domain::OperationKind::kLimitGrowth: return operations::kLimitGrowth;
    case domain::OperationKind::kCleanUp: return operations::kCleanUp;
  }
  std::abort();
}

}  // namespace croft::operations
