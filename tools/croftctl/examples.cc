// The examples in the help of every noun and verb.

#include "tools/croftctl/examples.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

namespace croft::ctl {
namespace {

// Command lines by noun and verb, each a line of its own below `croftctl`.
const std::multimap<std::string, std::string>& Examples() {
  static const std::multimap<std::string, std::string> examples = {
      {"", "tenant create acme --labels app=shop"},
      {"", "tenant list -o wide"},
      {"", "help tenant retire"},
      {"tenant", "tenant create acme --labels app=shop"},
      {"tenant", "tenant describe acme"},
      {"tenant create", "tenant create acme --labels app=shop --alias shop.acme.com"},
      {"tenant create", "tenant create pr-1042 --if-missing --expire-in 4h"},
      {"tenant list", "tenant list -l app=shop --state ready -o wide"},
      {"tenant list", "tenant list --sort-by age:desc --limit 20"},
      {"tenant get", "tenant get acme"},
      {"tenant get", "tenant get -l app=shop -o json"},
      {"tenant describe", "tenant describe acme"},
      {"tenant usage", "tenant usage --top connections --limit 10"},
      {"tenant usage", "tenant usage acme --since 7d"},
      {"tenant usage", "tenant usage --since 30d --limit 0 -o csv"},
      {"tenant update", "tenant update acme --labels tier=gold --connections 100"},
      {"tenant update", "tenant update acme --add-alias shop.acme.com --remove-alias old.acme.com"},
      {"tenant update", "tenant update acme --delete-protection on"},
      {"tenant update", "tenant update acme --backup-skip-rows public.jobs,'cache.*'"},
      {"tenant suspend", "tenant suspend acme --mode read-only"},
      {"tenant suspend", "tenant suspend -l app=shop --state ready --parallel 8"},
      {"tenant resume", "tenant resume acme globex"},
      {"tenant retire", "tenant retire acme --grace 30d"},
      {"tenant retire", "tenant retire -l preview --yes"},
      {"tenant undelete", "tenant undelete acme"},
      {"tenant purge", "tenant purge acme"},
      {"tenant purge", "tenant purge acme --waive-backup 'never used' --yes"},
      {"tenant restore", "tenant restore acme --backup latest --as acme-check"},
      {"tenant restore", "tenant restore acme --backup latest"},
      {"tenant restore", "tenant restore acme --backup before-2.4"},
      {"tenant restore", "tenant restore acme --before 2030-01-31T18:00:00Z --as acme-check"},
      {"tenant restore", "tenant restore acme --backup latest --dry-run"},
      {"tenant undo-restore", "tenant undo-restore acme"},
      {"tenant undo-restore", "tenant undo-restore acme --database t_acme_abcdefgh234567ab_g1"},
      {"tenant export", "tenant export acme acme.tar.zst --fresh"},
      {"tenant export", "tenant export acme acme.tar.zst.age --passphrase-file passphrase"},
      {"tenant import", "tenant import acme.tar.zst"},
      {"tenant import", "tenant import acme.tar.zst.age acme-copy --passphrase-file passphrase"},
      {"tenant restore", "tenant restore acme --backup latest --as acme-billing --only 'billing.*'"},
      {"tenant erasure", "tenant erasure acme --save acme-erasure"},
      {"tenant rotate-credentials", "tenant rotate-credentials acme --overlap 1h"},
      {"tenant rotate-credentials", "tenant rotate-credentials --campaign -l app=shop --max-failures 10"},
      {"tenant lookup", "tenant lookup shop.acme.com --role read-only"},
      {"tenant dsn", "tenant dsn acme"},
      {"tenant env", "tenant env acme --role read-only"},
      {"tenant psql", "tenant psql acme -- -c 'SELECT 1'"},
      {"tenant whois", "tenant whois t_acme_abcdefgh234567ab_g1"},
      {"backup", "backup create acme"},
      {"backup create", "backup create acme"},
      {"backup create", "backup create -l app=shop --parallel 8 --max-duration 2h"},
      {"backup create", "backup create --campaign --host h1 --parallel 2 --max-failures 5"},
      {"backup create", "backup create acme --name before-2.4 --note 'app 2.4.0, schema 118'"},
      {"backup list", "backup list acme"},
      {"backup list", "backup list --sort-by size:desc --limit 10"},
      {"backup get", "backup get acme latest"},
      {"backup describe", "backup describe acme latest"},
      {"backup copy", "backup copy acme latest --to offsite"},
      {"backup verify", "backup verify acme latest"},
      {"backup verify", "backup verify -l app=shop"},
      {"backup verify", "backup verify --campaign --all --no-wait"},
      {"backup report", "backup report --save audit-2030-01"},
      {"backup report", "backup report -l app=shop"},
      {"backup plan", "backup plan acme"},
      {"backup plan", "backup plan -l app=shop --sort-by 'lost now:desc'"},
      {"backup policy", "backup policy list"},
      {"backup policy set",
       "backup policy set nightly --backup-cron '30 2 * * *' --keep-daily 7 --prove-every 7d"},
      {"backup policy set", "backup policy set prod -l env=prod --backup-every 1h --copy-to offsite"},
      {"backup policy set", "backup policy set dev -l env=dev --backup-off schedule,proofs"},
      {"backup policy list", "backup policy list"},
      {"backup policy get", "backup policy get nightly"},
      {"backup policy delete", "backup policy delete nightly"},
      {"backup hold", "backup hold acme latest --reason 'case 17/2026'"},
      {"backup release", "backup release acme BACKUP"},
      {"backup delete", "backup delete acme BACKUP"},
      {"host", "host list"},
      {"host list", "host list --state away"},
      {"host get", "host get h1 h2"},
      {"host describe", "host describe h1"},
      {"host update", "host update h1 --labels zone=a --databases 300"},
      {"host cordon", "host cordon h1"},
      {"host uncordon", "host uncordon h1"},
      {"host remove", "host remove h1"},
      {"host accept-missing", "host accept-missing h1"},
      {"host accept-identity", "host accept-identity h1 --system-identifier 7300000000000000000"},
      {"host create-join-token", "host create-join-token h1 --server-name db1.example.com --out h1.token"},
      {"op", "op list --running"},
      {"op list", "op list --state failed --target tenants/acme"},
      {"op list", "op list --parent OPERATION --running"},
      {"op get", "op get OPERATION"},
      {"op describe", "op describe OPERATION"},
      {"op wait", "op wait OPERATION --timeout 10m"},
      {"op watch", "op watch OPERATION"},
      {"op cancel", "op cancel OPERATION"},
      {"access", "access whoami"},
      {"access principal", "access principal create shop"},
      {"access principal create", "access principal create shop --display-name 'The shop'"},
      {"access principal list", "access principal list"},
      {"access principal get", "access principal get shop"},
      {"access principal delete", "access principal delete shop"},
      {"access token", "access token create shop --to-file shop.token"},
      {"access token create", "access token create shop --expire-in 30d --to-file shop.token"},
      {"access token revoke", "access token revoke shop TOKEN"},
      {"access certificate", "access certificate create shop --to shop"},
      {"access certificate create", "access certificate create shop --to shop"},
      {"access certificate revoke", "access certificate revoke shop FINGERPRINT"},
      {"access bind", "access bind shop connector -l app=shop"},
      {"access unbind", "access unbind shop connector -l app=shop"},
      {"access whoami", "access whoami"},
      {"audit", "audit list --resource tenants/acme"},
      {"audit list", "audit list --resource tenants/acme --since 7d"},
      {"audit verify", "audit verify"},
      {"admin", "admin check-fleet"},
      {"admin check-fleet", "admin check-fleet"},
      {"admin repair-fleet", "admin repair-fleet --dry-run"},
      {"admin backup-catalog", "admin backup-catalog catalog-copy.db"},
      {"apply", "apply -f tenants.yaml --dry-run"},
      {"apply", "apply -f tenants.yaml --parallel 8 --max-failures 20"},
      {"apply", "apply -f tenants.yaml --prune"},
      {"diff", "diff -f tenants.yaml"},
      {"export", "export --owner shop -l app=shop"},
      {"status", "status --watch"},
      {"events", "events --since 2h --type croft.backup"},
      {"events", "events --watch -o json"},
      {"doctor", "doctor"},
      {"config", "config set prod --server croft.example.com --ca ca.crt --token-file me.token"},
      {"config set", "config set prod --server croft.example.com --ca ca.crt --token-file me.token"},
      {"config use", "config use prod"},
      {"config delete", "config delete prod"},
      {"config list", "config list"},
      {"config show", "config show --context prod"},
      {"completion", "completion bash"},
      {"help", "help tenant create"},
      {"version", "version -o json"},
  };
  return examples;
}

void AddBelow(CLI::App& app, const std::string& path) {
  std::string footer;
  const auto [begin, end] = Examples().equal_range(path);
  for (auto it = begin; it != end; ++it) {
    absl::StrAppend(&footer, footer.empty() ? "Examples:\n" : "\n", "  croftctl ", it->second);
  }
  app.footer(absl::StrCat(footer, "\n"));
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) {
    AddBelow(*sub, absl::StrCat(path, path.empty() ? "" : " ", sub->get_name()));
  }
}

}  // namespace

void AddExamples(CLI::App& root) { AddBelow(root, ""); }

}  // namespace croft::ctl
