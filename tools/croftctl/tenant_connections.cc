// The verbs of `croftctl tenant` that connect to a tenant's database.

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/errors.h"
#include "croft/v1/lookup.grpc.pb.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/libpq.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/object_names.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"

// The verbs that say where a tenant lives, or go there.
namespace croft::ctl {
namespace {

// libpq's own variables that would win over, or change, what croftctl says.
constexpr const char* kOverriding[] = {"PGPASSWORD", "PGHOSTADDR", "PGSERVICE",           "PGSERVICEFILE",
                                       "PGSSLCERT",  "PGSSLKEY",   "PGTARGETSESSIONATTRS"};

struct LookupFlags {
  std::string tenant;
  std::string role;

  void AddTo(CLI::App& verb) {
    verb.add_option("TENANT", tenant, "Its id or alias")->required();
    verb.add_option("--role", role, "app (the default), read-only or migrate");
  }
};

absl::StatusOr<v1::LookupResponse> LookUp(Session& session, const LookupFlags& flags, bool with_password) {
  v1::LookupRequest request;
  request.set_tenant(absl::StartsWith(flags.tenant, "tenants/") ? LastPart(flags.tenant) : flags.tenant);
  CROFT_ASSIGN_OR_RETURN(const auto role, ParseEnum<v1::Role>("ROLE_", flags.role, "--role"));
  request.set_role(role);
  request.set_omit_password(!with_password);
  return session.client.Call(&v1::LookupService::Stub::Lookup, request);
}

struct PasswordArguments {
  LookupFlags lookup;
  bool with_password = false;
};

Verb<PasswordArguments> AddWithPassword(Noun& noun, const std::string& name,
                                        const std::string& description) {
  auto verb = noun.AddVerb<PasswordArguments>(name, description);
  verb->lookup.AddTo(verb.app);
  verb.app.add_flag("--with-password", verb->with_password,
                    "With the password, which then stands in the output");
  return verb;
}

void AddLookup(Noun& noun) {
  auto verb = AddWithPassword(noun, "lookup", "Show where a tenant lives, as applications ask for it");
  verb.Reads([](Session& session, const PasswordArguments& arguments) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const v1::LookupResponse placement,
                           LookUp(session, arguments.lookup, arguments.with_password));
    return session.printer.One(placement);
  });
}

void AddDsn(Noun& noun) {
  auto verb = AddWithPassword(noun, "dsn", "Print a tenant's connection URI and nothing else");
  verb.Runs([](Session& session, const PasswordArguments& arguments) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const std::string folder, session.environment.CacheFolder());
    CROFT_ASSIGN_OR_RETURN(const v1::LookupResponse placement,
                           LookUp(session, arguments.lookup, arguments.with_password));
    CROFT_ASSIGN_OR_RETURN(const std::string uri, ConnectionUri(placement, folder));
    session.printer.Text(absl::StrCat(uri, "\n"));
    return absl::OkStatus();
  });
}

// libpq's variables for a tenant, their files written.
absl::StatusOr<Variables> PrepareConnection(Session& session, const LookupFlags& flags) {
  CROFT_ASSIGN_OR_RETURN(const std::string folder, session.environment.CacheFolder());
  CROFT_ASSIGN_OR_RETURN(const v1::LookupResponse placement, LookUp(session, flags, true));
  if (placement.password().empty()) {
    session.terminal.Say("you may not read this tenant's password; PGPASSFILE is left out");
  }
  return ConnectionVariables(placement, folder);
}

void AddEnv(Noun& noun) {
  auto verb = noun.AddVerb<LookupFlags>(
      "env", "Print lines for a shell: eval \"$(croftctl tenant env acme)\"; psql");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const LookupFlags& flags) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const Variables variables, PrepareConnection(session, flags));
    for (const auto& [name, value] : variables) {
      session.printer.Text(absl::StrCat("export ", name, "=", ShellQuoted(value), "\n"));
    }
    for (const char* name : kOverriding) {
      if (!session.environment.Get(name).empty())
        session.terminal.Say(absl::StrCat(name, " is set here and wins: unset ", name));
    }
    return absl::OkStatus();
  });
}

// Becomes psql; returns only when it cannot.
absl::Status BecomePsql(Session& session, const Variables& variables,
                        const std::vector<std::string>& arguments) {
  for (const char* name : kOverriding) unsetenv(name);
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  std::vector<std::string> words = {"psql"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  session.interrupts.Release();
  execvp(argv[0], argv.data());
  return WithExitCode(absl::ErrnoToStatus(errno, "cannot start psql; install PostgreSQL's client programs"),
                      ExitCode::kError);
}

void AddPsql(Noun& noun) {
  struct Arguments {
    std::string tenant;
    std::vector<std::string> psql;
    bool write = false;
  };
  auto verb =
      noun.AddVerb<Arguments>("psql", "Open psql in a tenant's database, reading only unless --write");
  verb.app.add_option("TENANT", verb->tenant, "Its id or alias")->required();
  verb.app.add_option("ARGUMENTS", verb->psql, "For psql, after --");
  verb.app.add_flag("--write", verb->write, "As the tenant's application, which may write");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    const LookupFlags lookup = {.tenant = arguments.tenant, .role = arguments.write ? "app" : "read-only"};
    CROFT_ASSIGN_OR_RETURN(const Variables variables, PrepareConnection(session, lookup));
    return BecomePsql(session, variables, arguments.psql);
  });
}

void AddWhois(Noun& noun) {
  struct Arguments {
    std::string name;
  };
  auto verb = noun.AddVerb<Arguments>("whois", "Show whose database or role it is, as PostgreSQL names it");
  verb.app
      .add_option("DATABASE-OR-ROLE", verb->name, "Such as t_acme_abcdefgh234567ab_g1, or a tenant's uid")
      ->required();
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const ObjectName object, ParseObjectName(arguments.name));
    v1::ListTenantsRequest request;
    request.set_filter(absl::StrCat("uid = ", object.uid));
    request.set_show_retired(true);
    CROFT_ASSIGN_OR_RETURN(const auto found, ListAll(session.client, kTenants, request, 1));
    if (found.items.empty()) {
      return absl::NotFoundError(
          absl::StrCat("no tenant has the uid ", object.uid, "; it may have been purged"));
    }
    if (!object.what.empty()) session.terminal.Say(absl::StrCat(arguments.name, ": ", object.what));
    return session.printer.One(found.items.front());
  });
}

}  // namespace

void AddTenantConnections(Noun& noun) {
  AddLookup(noun);
  AddDsn(noun);
  AddEnv(noun);
  AddPsql(noun);
  AddWhois(noun);
}

}  // namespace croft::ctl
