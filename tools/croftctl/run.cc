// Builds the command tree, parses the command line and runs a verb.

#include "tools/croftctl/run.h"

#include <algorithm>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "tools/croftctl/apply.h"
#include "tools/croftctl/client.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/examples.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/interrupts.h"
#include "tools/croftctl/printer.h"
#include "tools/croftctl/settings.h"
#include "tools/croftctl/suggest.h"
#include "tools/croftctl/tool.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/version.h"

namespace croft::ctl {
namespace {

constexpr absl::Duration kWatchPause = absl::Seconds(2);

void AddGlobalFlags(CLI::App& root, Flags& flags) {
  const auto text = [&](const char* name, std::string& value, const char* description) {
    root.add_option(name, value, description)->group("Everywhere");
  };
  const auto yes = [&](const char* name, bool& value, const char* description) {
    root.add_flag(name, value, description)->group("Everywhere");
  };
  text("--server", flags.connection["server"],
       "Control plane as host:port, several with commas (CROFT_SERVER)");
  text("--ca", flags.connection["ca"], "File of the authorities to trust, PEM (CROFT_CA)");
  text("--cert", flags.connection["cert"], "File of your certificate, PEM (CROFT_CERT)");
  text("--key", flags.connection["key"], "File of its private key, PEM (CROFT_KEY)");
  text("--token-file", flags.connection["token_file"], "File of your token (CROFT_TOKEN_FILE)");
  text("--context", flags.context, "Context of croftctl config to use (CROFT_CONTEXT)");
  text("-o,--output", flags.output,
       "table, wide, json, yaml, name, or csv where there is one (CROFT_OUTPUT)");
  text("--timeout", flags.timeout,
       "Longest time for all of it, such as 90s; default: 10s a call, waits have no end");
  text("--color", flags.color, "auto, always or never (CROFT_COLOR)");
  text("--request-id", flags.request_id,
       "UUID under which a repeat has no second effect; default: a new one");
  yes("--wait,!--no-wait", flags.wait, "Wait for the end of the operation (the default), or do not");
  yes("--watch", flags.watch, "Show it again whenever it has changed");
  yes("--dry-run", flags.dry_run, "Run every check and change nothing");
  yes("-y,--yes", flags.yes, "Do not ask");
  yes("-q,--quiet", flags.quiet,
      "Say nothing but errors, and show nothing of a change unless -o asks for it");
  yes("-v,--verbose", flags.verbose, "Say what is called and how long it takes");
}

void AddVerbs(Noun& root) {
  AddTenant(root);
  AddBackup(root);
  AddHost(root);
  AddOperation(root);
  AddAccess(root);
  AddAudit(root);
  AddEvents(root);
  AddAdmin(root);
  AddDeclared(root);
  AddExport(root);
  AddStatus(root);
  AddDoctor(root);
  AddConfig(root);
  AddCompletion(root);
  AddHelp(root);
  AddVersion(root);
}

// Whether errors are told as JSON: known also of a command line that does not parse.
bool AsksForJson(const std::vector<std::string>& arguments, const Environment& environment) {
  std::string format = environment.Get("CROFT_OUTPUT");
  for (size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    absl::string_view word = arguments[i];
    if ((word == "-o" || word == "--output") && i + 1 < arguments.size()) {
      format = arguments[i + 1];
    } else if (absl::ConsumePrefix(&word, "--output=") || absl::ConsumePrefix(&word, "-o")) {
      format = std::string(word);
    }
  }
  return format == "json";
}

// The exit code, where help was asked for or the command line is wrong.
std::optional<int> Parse(CLI::App& root, const std::vector<std::string>& arguments, World& world) {
  try {
    root.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return std::nullopt;
  } catch (const CLI::Success& help) {
    root.exit(help, world.out, world.err);
    return static_cast<int>(ExitCode::kDone);
  } catch (const CLI::ParseError& error) {
    std::string message = Unknown(root, arguments);
    if (message.empty()) message = error.what();
    message.resize(message.find_last_not_of("\r\n ") + 1);
    ReportError(WithNextStep(UsageError(message), "--help says what there is"),
                AsksForJson(arguments, world.environment), world.err);
    return static_cast<int>(ExitCode::kUsage);
  }
}

absl::StatusOr<std::unique_ptr<Client>> Connect(const Tool& tool) {
  CROFT_ASSIGN_OR_RETURN(const Connection connection, ToConnection(tool.settings));
  CROFT_ASSIGN_OR_RETURN(const Identity identity, ReadIdentity(connection));
  return std::make_unique<Client>(connection, identity, tool.limit, tool.interrupts, tool.terminal);
}

absl::Status RunOnce(const Chosen& chosen, const Tool& tool, Client& client) {
  Session session(tool, client);
  return chosen.remote(session);
}

// Runs it again and again and shows what it printed whenever that is another than before.
absl::Status RunWatching(const Chosen& chosen, const Tool& tool, Client& client, std::ostream& out) {
  std::string shown;
  while (absl::Now() < tool.limit) {
    std::ostringstream text;
    Printer printer(text, tool.printer.format(), tool.printer.look());
    CROFT_RETURN_IF_ERROR(RunOnce(
        chosen,
        {tool.flags, tool.environment, tool.settings, tool.limit, tool.interrupts, tool.terminal, printer},
        client));
    if (text.str() != shown) out << (shown.empty() ? "" : "\n") << text.str() << std::flush;
    shown = text.str();
    if (!tool.interrupts.Sleep(std::min(kWatchPause, tool.limit - absl::Now()))) {
      return WithExitCode(absl::CancelledError("interrupted"), ExitCode::kInterrupted);
    }
  }
  return absl::OkStatus();
}

absl::Status RunChosen(const Chosen& chosen, const Flags& flags, Terminal& terminal, World& world) {
  CROFT_ASSIGN_OR_RETURN(const Settings settings, ResolveSettings(flags, world.environment));
  Interrupts interrupts;
  Printer printer(world.out, settings.format,
                  {.with_color = terminal.ColorsOutput(settings.color, world.environment),
                   .wide = settings.wide,
                   .terminal = world.terminals.out_width});
  if (settings.connection_problem.ok())
    terminal.Detail(absl::StrCat("server and identity come from ", settings.origin));
  const absl::Time limit = settings.timeout ? absl::Now() + *settings.timeout : absl::InfiniteFuture();
  const Tool tool{flags, world.environment, settings, limit, interrupts, terminal, printer};
  if (flags.watch && !chosen.repeatable && !chosen.follows) return UsageError("this verb has no --watch");
  if (settings.format == Format::kCsv && !chosen.prints_csv)
    return UsageError("this verb has no -o csv; tenant usage has");
  if (chosen.local) return chosen.local(tool);
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, Connect(tool));
  return flags.watch && !chosen.follows ? RunWatching(chosen, tool, *client, world.out)
                                        : RunOnce(chosen, tool, *client);
}

}  // namespace

int Run(const std::vector<std::string>& arguments, World& world) {
  CLI::App app("Tenants' PostgreSQL databases, by Croft's control plane.", "croftctl");
  Flags flags;
  AddGlobalFlags(app, flags);
  app.set_version_flag("--version", absl::StrCat("croftctl ", Version()), "Print croftctl's version")
      ->group("Everywhere");
  Chosen chosen;
  Noun root(app, chosen);
  AddVerbs(root);
  AddExamples(app);
  if (const std::optional<int> code = Parse(app, arguments, world)) return *code;
  Terminal terminal(world.in, world.err, world.terminals, flags);
  const absl::Status status = RunChosen(chosen, flags, terminal, world);
  if (!status.ok()) ReportError(status, AsksForJson(arguments, world.environment), world.err);
  const bool changes = chosen.remote && !chosen.repeatable && !chosen.says_plan && !chosen.follows;
  if (status.ok() && flags.dry_run && changes)
    terminal.Say("every check passed; nothing was changed (--dry-run)");
  return static_cast<int>(ExitCodeOf(status));
}

}  // namespace croft::ctl
