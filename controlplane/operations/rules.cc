// Hands the engine the table of kinds, which is in kinds.h, and the requests to the files of this folder.

#include "controlplane/operations/rules.h"

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

const Kind& KindOf(domain::OperationKind kind) { return RowOf(kind); }

}  // namespace croft::operations
