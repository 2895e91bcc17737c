#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>

#include "tools/croftctl/tool.h"

// The command tree. A verb is declared by its flags, bound to a struct of arguments, and a body that gets them:
//
//   auto verb = noun.Verb<Arguments>("suspend", "End a tenant's sessions and keep it out");
//   verb.app.add_option("--mode", verb->mode, "…");
//   verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status { … });
namespace croft::ctl {

// The verb that the command line chose: one of the two bodies.
struct Chosen {
  std::function<absl::Status(const Tool&)> local;
  std::function<absl::Status(Session&)> remote;
  bool repeatable = false;  // takes --watch
  bool prints_csv = false;  // takes -o csv
  bool says_plan = false;   // says itself what it would do with --dry-run
  bool follows = false;     // only reads, and goes on by itself with --watch
};

template <class Arguments>
class Verb {
 public:
  Verb(CLI::App& verb_app, Chosen& chosen)
      : app(verb_app), arguments_(std::make_shared<Arguments>()), chosen_(chosen) {}

  Arguments* operator->() { return arguments_.get(); }

  // A body that talks to the control plane.
  void Runs(absl::Status (*body)(Session&, const Arguments&)) { Bind(body, false); }
  // One that says itself what it would do with --dry-run.
  void Plans(absl::Status (*body)(Session&, const Arguments&)) { Bind(body, false, true); }
  // One that only reads: --watch may repeat it.
  void Reads(absl::Status (*body)(Session&, const Arguments&)) { Bind(body, true); }
  // One that only reads, and itself goes on with --watch.
  void Follows(absl::Status (*body)(Session&, const Arguments&)) {
    app.callback([&chosen = chosen_, arguments = arguments_, body] {
      chosen.remote = [arguments, body](Session& session) { return body(session, *arguments); };
      chosen.follows = true;
    });
  }
  // The body knows -o csv. Before it is given.
  void PrintsCsv() { prints_csv_ = true; }
  // A body that does not, or connects by itself.
  void RunsLocally(absl::Status (*body)(const Tool&, const Arguments&)) {
    app.callback([&chosen = chosen_, arguments = arguments_, body] {
      chosen.local = [arguments, body](const Tool& tool) { return body(tool, *arguments); };
    });
  }

  CLI::App& app;

 private:
  void Bind(absl::Status (*body)(Session&, const Arguments&), bool repeatable, bool says_plan = false) {
    app.callback(
        [&chosen = chosen_, arguments = arguments_, body, repeatable, says_plan, prints_csv = prints_csv_] {
          chosen.remote = [arguments, body](Session& session) { return body(session, *arguments); };
          chosen.repeatable = repeatable;
          chosen.says_plan = says_plan;
          chosen.prints_csv = prints_csv;
        });
  }

  bool prints_csv_ = false;
  std::shared_ptr<Arguments> arguments_;
  Chosen& chosen_;
};

// The root, or a noun below it. `app` and `chosen` outlive it.
class Noun {
 public:
  Noun(CLI::App& app, Chosen& chosen) : app_(app), chosen_(chosen) { app_.require_subcommand(1); }

  Noun AddNoun(const std::string& name, const std::string& description) {
    return {AddApp(name, description), chosen_};
  }

  template <class Arguments>
  Verb<Arguments> AddVerb(const std::string& name, const std::string& description) {
    return {AddApp(name, description), chosen_};
  }

 private:
  CLI::App& AddApp(const std::string& name, const std::string& description) {
    CLI::App* app = app_.add_subcommand(name, description);
    // The global flags may stand anywhere.
    app->fallthrough();
    if (name == "list") app->alias("ls");
    return *app;
  }

  CLI::App& app_;
  Chosen& chosen_;
};

struct NoArguments {};

// Each adds one noun, or a verb without one, to the root.
void AddTenant(Noun& root);
void AddBackup(Noun& root);
void AddHost(Noun& root);
void AddOperation(Noun& root);
void AddAccess(Noun& root);
void AddAudit(Noun& root);
void AddEvents(Noun& root);
void AddAdmin(Noun& root);
void AddStatus(Noun& root);
void AddDoctor(Noun& root);
void AddConfig(Noun& root);
void AddCompletion(Noun& root);
void AddHelp(Noun& root);
void AddVersion(Noun& root);

// Parts of AddTenant and of the other nouns.
void AddTenantDescribe(Noun& tenant);
void AddBackupDescribe(Noun& backup);
void AddBackupPlan(Noun& backup);
void AddBackupReport(Noun& backup);
void AddBackupPolicy(Noun& backup);
void AddHostDescribe(Noun& host);
void AddOperationDescribe(Noun& operation);
void AddTenantUpdate(Noun& tenant);
void AddTenantUsage(Noun& tenant);
void AddTenantLife(Noun& tenant);
void AddTenantRestore(Noun& tenant);
void AddTenantUndoRestore(Noun& tenant);
void AddTenantErasure(Noun& tenant);
void AddTenantConnections(Noun& tenant);

}  // namespace croft::ctl
