#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/host.grpc.pb.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/files.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/tenant_flags.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/wait.h"

namespace croft::ctl {
namespace {

using Hosts = v1::HostService::Stub;

struct WhichHost {
  std::string id;

  void AddTo(CLI::App& verb) { verb.add_option("HOST", id, "Its id")->required(); }
  std::string Name() const { return HostName(LastPart(id)); }
};

// Prints what a change answered.
template <class Message>
absl::Status Print(Session& session, const absl::StatusOr<Message>& answer) {
  if (!answer.ok()) return answer.status();
  return session.printer.One(*answer);
}

void AddList(Noun& noun) {
  auto verb = noun.AddVerb<ListFlags>("list", "List hosts");
  verb->AddFilter(verb.app, "state = UP");
  verb->AddLimit(verb.app);
  verb.Reads([](Session& session, const ListFlags& list) -> absl::Status {
    v1::ListHostsRequest request;
    request.set_filter(list.filter);
    return PrintAll(session, kHosts, request, list.limit);
  });
}

void AddGet(Noun& noun) {
  auto verb = noun.AddVerb<WhichHost>("get", "Show a host");
  verb->AddTo(verb.app);
  verb.Reads([](Session& session, const WhichHost& which) -> absl::Status {
    v1::GetHostRequest request;
    request.set_name(which.Name());
    return Print(session, session.client.Call(&Hosts::GetHost, request));
  });
}

struct UpdateArguments {
  WhichHost which;
  std::vector<std::string> labels;
  std::vector<std::string> remove_labels;
  int databases = -1;
  int connections = -1;
  std::string reserve;

  bool HasLimits() const { return databases >= 0 || connections >= 0 || !reserve.empty(); }
};

// Labels and limits are written back whole, so what is there is read first and its etag sent along.
absl::StatusOr<v1::UpdateHostRequest> UpdateRequest(Client& client, const UpdateArguments& arguments) {
  v1::GetHostRequest get;
  get.set_name(arguments.which.Name());
  CROFT_ASSIGN_OR_RETURN(const v1::Host present, client.Call(&Hosts::GetHost, get));
  v1::UpdateHostRequest request;
  v1::Host& host = *request.mutable_host();
  host.set_name(present.name());
  host.set_etag(present.etag());
  *host.mutable_labels() = present.labels();
  *host.mutable_limits() = present.limits();
  CROFT_ASSIGN_OR_RETURN(const Labels labels, ParseLabels(arguments.labels, "--labels"));
  for (const auto& [key, value] : labels) (*host.mutable_labels())[key] = value;
  for (const std::string& key : arguments.remove_labels) host.mutable_labels()->erase(key);
  if (arguments.databases >= 0) host.mutable_limits()->set_databases(arguments.databases);
  if (arguments.connections >= 0) host.mutable_limits()->set_connections(arguments.connections);
  if (!arguments.reserve.empty()) {
    CROFT_ASSIGN_OR_RETURN(const int64_t bytes, ParseBytes(arguments.reserve, "--reserve"));
    host.mutable_limits()->set_reserve_bytes(bytes);
  }
  if (!labels.empty() || !arguments.remove_labels.empty())
    request.mutable_update_mask()->add_paths("labels");
  if (arguments.HasLimits()) request.mutable_update_mask()->add_paths("limits");
  return request;
}

void AddUpdate(Noun& noun) {
  auto verb = noun.AddVerb<UpdateArguments>("update", "Change a host's labels and limits");
  verb->which.AddTo(verb.app);
  AddEach(verb.app, "--labels", verb->labels, "key=value, several with commas; may be repeated");
  AddEach(verb.app, "--remove-label", verb->remove_labels, "Key of a label to remove; may be repeated");
  verb.app.add_option("--databases", verb->databases, "Most databases")->check(CLI::NonNegativeNumber);
  verb.app.add_option("--connections", verb->connections, "Most connections promised; 0 is no limit")
      ->check(CLI::NonNegativeNumber);
  verb.app.add_option("--reserve", verb->reserve, "Disk that must stay free, such as 10GiB");
  verb.Runs([](Session& session, const UpdateArguments& arguments) -> absl::Status {
    if (arguments.labels.empty() && arguments.remove_labels.empty() && !arguments.HasLimits()) {
      return UsageError("nothing to update; --help lists what can be");
    }
    CROFT_ASSIGN_OR_RETURN(const v1::UpdateHostRequest request, UpdateRequest(session.client, arguments));
    return Print(session, session.Change(&Hosts::UpdateHost, request));
  });
}

void AddCordon(Noun& noun) {
  auto verb = noun.AddVerb<WhichHost>("cordon", "Put no new tenants on a host");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichHost& which) -> absl::Status {
    v1::CordonHostRequest request;
    request.set_name(which.Name());
    return Print(session, session.Change(&Hosts::CordonHost, request));
  });
}

void AddUncordon(Noun& noun) {
  auto verb = noun.AddVerb<WhichHost>("uncordon", "Let new tenants on a host again");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichHost& which) -> absl::Status {
    v1::UncordonHostRequest request;
    request.set_name(which.Name());
    return Print(session, session.Change(&Hosts::UncordonHost, request));
  });
}

void AddRemove(Noun& noun) {
  auto verb = noun.AddVerb<WhichHost>("remove", "Forget a host that holds no tenants");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichHost& which) -> absl::Status {
    CROFT_RETURN_IF_ERROR(session.Confirm("removes host", LastPart(which.id)));
    v1::RemoveHostRequest request;
    request.set_name(which.Name());
    return Print(session, session.Change(&Hosts::RemoveHost, request));
  });
}

void AddAcceptMissing(Noun& noun) {
  auto verb =
      noun.AddVerb<WhichHost>("accept-missing", "Declare that a host which is away will not come back");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichHost& which) -> absl::Status {
    CROFT_RETURN_IF_ERROR(session.Confirm("gives up host", LastPart(which.id)));
    v1::AcceptMissingHostRequest request;
    request.set_name(which.Name());
    return Print(session, session.Change(&Hosts::AcceptMissingHost, request));
  });
}

void AddAcceptIdentity(Noun& noun) {
  struct Arguments {
    WhichHost which;
    std::string system_identifier;
  };
  auto verb = noun.AddVerb<Arguments>("accept-identity",
                                      "Accept that a host's PostgreSQL is another cluster than before");
  verb->which.AddTo(verb.app);
  verb.app
      .add_option("--system-identifier", verb->system_identifier, "The one to accept, as host get shows it")
      ->required();
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::AcceptHostIdentityRequest request;
    request.set_name(arguments.which.Name());
    request.set_system_identifier(arguments.system_identifier);
    return Print(session, session.Change(&Hosts::AcceptHostIdentity, request));
  });
}

void AddCreateJoinToken(Noun& noun) {
  struct Arguments {
    WhichHost which;
    std::vector<std::string> server_names;
    std::string out;
  };
  auto verb = noun.AddVerb<Arguments>("create-join-token",
                                      "Print a token with which one agent can join as this host");
  verb->which.AddTo(verb.app);
  AddEach(verb.app, "--server-name", verb->server_names,
          "Name or address by which applications reach it; may be repeated");
  verb.app.add_option("--out", verb->out, "Write the token to this file, 0600, instead of printing it");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::CreateJoinTokenRequest request;
    request.set_host(arguments.which.Name());
    request.mutable_server_names()->Assign(arguments.server_names.begin(), arguments.server_names.end());
    CROFT_ASSIGN_OR_RETURN(const auto token, session.Change(&Hosts::CreateJoinToken, request));
    session.terminal.Say(absl::StrCat("usable once, until ",
                                      absl::FormatTime(FromProto(token.expire_time())),
                                      ": croft-agent --join-token-file FILE"));
    if (!arguments.out.empty()) return WritePrivateFile(arguments.out, absl::StrCat(token.token(), "\n"));
    if (session.printer.format() != Format::kTable) return session.printer.One(token);
    session.printer.Text(absl::StrCat(token.token(), "\n"));
    return absl::OkStatus();
  });
}

}  // namespace

void AddHost(Noun& root) {
  Noun noun = root.AddNoun("host", "Hosts: one PostgreSQL service each");
  AddList(noun);
  AddGet(noun);
  AddUpdate(noun);
  AddCordon(noun);
  AddUncordon(noun);
  AddRemove(noun);
  AddAcceptMissing(noun);
  AddAcceptIdentity(noun);
  AddCreateJoinToken(noun);
}

}  // namespace croft::ctl
