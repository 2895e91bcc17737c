// Names the field of a certificate request that cannot be signed.

#include "controlplane/handlers/certificates.h"

#include "common/errors.h"

namespace croft::handlers {

absl::StatusOr<std::string> ForField(absl::string_view field, absl::StatusOr<std::string> certificate) {
  if (!absl::IsInvalidArgument(certificate.status())) return certificate;
  return InvalidField(field, certificate.status().message());
}

}  // namespace croft::handlers
