#include "tests/fuzz/targets.h"

namespace croft::fuzz {

const std::vector<Target>& Targets() {
  static const std::vector<Target> targets = {
      {"requests", Requests},
      {"agent_messages", AgentMessages},
      {"filters", Filters},
      {"page_tokens", PageTokens},
      {"names", Names},
      {"connections", Connections},
      {"logins", Logins, 20},
      {"manifests", Manifests},
      {"archives", Archives},
      {"dumps", Dumps},
      {"journals", Journals},
      {"tokens", Tokens},
      {"certificates", Certificates},
      {"keyrings", Keyrings},
  };
  return targets;
}

}  // namespace croft::fuzz
