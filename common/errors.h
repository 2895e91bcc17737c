#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

// Errors for the outside world: an absl::Status whose payload says what a program needs to know.
// controlplane/server converts it to a grpc::Status.
namespace croft {

using ErrorMetadata = std::map<std::string, std::string>;

// What is wrong with one field of a request, and what is right.
struct FieldViolation {
  std::string field;        // path, such as "tenant.labels"
  std::string description;  // a sentence that names the remedy

  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

struct ErrorDetails {
  std::string reason;  // UPPER_SNAKE, such as "TENANT_NOT_FOUND"
  ErrorMetadata metadata;
  std::vector<FieldViolation> violations;
  std::optional<absl::Duration> retry_delay;

  friend bool operator==(const ErrorDetails&, const ErrorDetails&) = default;
};

// `message` says what happened and what to do next. Prefer a named constructor, such as TenantNotFound().
[[nodiscard]] absl::Status MakeError(absl::StatusCode code, absl::string_view message,
                                     ErrorDetails details);

// INVALID_ARGUMENT, reason INVALID_FIELD, with one violation for each bad field. `violations` is not empty.
[[nodiscard]] absl::Status InvalidFields(std::vector<FieldViolation> violations);
[[nodiscard]] absl::Status InvalidField(absl::string_view field, absl::string_view description);

// The details of `status`; empty ones for a status that MakeError did not make.
[[nodiscard]] ErrorDetails DetailsOf(const absl::Status& status);

// `status` with "`context`: " before its message and the same code and details. OK stays OK.
[[nodiscard]] absl::Status Annotate(const absl::Status& status, absl::string_view context);

}  // namespace croft

// Returns from the enclosing function when `expression` is an error.
#define CROFT_RETURN_IF_ERROR(expression)                                 \
  do {                                                                    \
    if (absl::Status croft_status_ = (expression); !croft_status_.ok()) { \
      return croft_status_;                                               \
    }                                                                     \
  } while (false)

#define CROFT_CONCAT_INNER_(a, b) a##b
#define CROFT_CONCAT_(a, b) CROFT_CONCAT_INNER_(a, b)

// Declares `target` and sets it to the value of `expression`, or returns its error.
#define CROFT_ASSIGN_OR_RETURN(target, expression) \
  CROFT_ASSIGN_OR_RETURN_(CROFT_CONCAT_(croft_value_, __LINE__), target, expression)
#define CROFT_ASSIGN_OR_RETURN_(value, target, expression) \
  auto value = (expression);                               \
  if (!value.ok()) return std::move(value).status();       \
  target = *std::move(value)
