#include "tests/agent/support/dump/digest_of.h"

#include <algorithm>

#include "agent/dump_format/reader.h"
#include "common/crypto/keyed_hash.h"
#include "common/errors.h"

namespace croft::agent {

absl::StatusOr<DumpDigest> DigestOf(absl::string_view dump, size_t cut) {
  DumpDigester digester(std::string(crypto::kHashKeyBytes, 'k'));
  DumpReader reader(digester);
  while (!dump.empty()) {
    CROFT_RETURN_IF_ERROR(reader.Append(dump.substr(0, cut)));
    dump.remove_prefix(std::min(cut, dump.size()));
  }
  CROFT_RETURN_IF_ERROR(reader.Finish());
  return digester.Take();
}

}  // namespace croft::agent
