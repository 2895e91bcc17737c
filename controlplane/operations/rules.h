#pragma once

#include "controlplane/engine/kind.h"

// Every kind of operation, for the engine to decide by. docs/adding-an-operation.md tells how to add one.
namespace croft::operations {

// Of all kinds. Lives as long as the program.
const engine::Rules& AllRules();

const engine::Kind& KindOf(domain::OperationKind kind);

}  // namespace croft::operations
