// Saves signed texts.

#include "tools/croftctl/signed_text.h"

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "tools/croftctl/files.h"

namespace croft::ctl {

absl::Status SaveSigned(Session& session, const std::string& prefix, const std::string& statement,
                        const std::string& signature) {
  const std::string text_file = prefix + ".txt";
  const std::string signature_file = prefix + ".sig";
  CROFT_RETURN_IF_ERROR(WritePrivateFile(text_file, statement));
  CROFT_RETURN_IF_ERROR(WritePrivateFile(signature_file, signature));
  session.terminal.Say(absl::StrCat("it is in ", text_file, ", its signature in ", signature_file));
  return absl::OkStatus();
}

}  // namespace croft::ctl
