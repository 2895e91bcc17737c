#pragma once

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include "agent/postgres/sql_error.h"

// What PostgreSQL answers, as the model's parts say it.
namespace croft::agent {

inline absl::Status NoSuchRole(absl::string_view name) {
  return SqlError(sqlstate::kUndefinedObject, absl::StrCat("role \"", name, "\" does not exist"));
}
inline absl::Status NoSuchDatabase(absl::string_view name) {
  return SqlError(sqlstate::kUndefinedDatabase, absl::StrCat("database \"", name, "\" does not exist"));
}
inline absl::Status InUseError(absl::string_view name) {
  return SqlError(sqlstate::kObjectInUse,
                  absl::StrCat("database \"", name, "\" is being accessed by other users"));
}
inline absl::Status Lost() { return PostgresUnavailable("the connection is lost"); }

}  // namespace croft::agent
