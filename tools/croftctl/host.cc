// The verbs of `croftctl host`.

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

void AddList(Noun& noun) {
  struct Arguments {
    ListFlags list;
    std::string state;
  };
  auto verb = noun.AddVerb<Arguments>("list", "List hosts");
  verb->list.AddFilter(verb.app, "state = UP");
  verb->list.AddTo(verb.app);
  verb.app.add_option("--state", verb->state, "Only those in this state, such as up or away");
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::ListHostsRequest request;
    CROFT_ASSIGN_OR_RETURN(const std::string in_state, StateFilter<v1::Host::State>(arguments.state));
    request.set_filter(AllOf({arguments.list.filter, in_state}));
    return PrintAll(session, kHosts, request, arguments.list);
  });
}

// One or more hosts.
struct WhichHosts {
  std::vector<std::string> ids;

  void AddTo(CLI::App& verb) { verb.add_option("HOST", ids, "Ids of one or more")->required(); }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const std::string& id : ids) names.push_back(HostName(LastPart(id)));
    return names;
  }
};

void AddGet(Noun& noun) {
  auto verb = noun.AddVerb<WhichHosts>("get", "Show a host");
  verb->AddTo(verb.app);
  verb.Reads([](Session& session, const WhichHosts& which) -> absl::Status {
    return GetEach(session, kHosts.field, which.Names(), &Hosts::GetHost, v1::GetHostRequest());
  });
}

// Sends `request` with the name of each of the hosts, and shows what they are after it.
template <class Request>
absl::Status ChangeEach(Session& session, const WhichHosts& which,
                        grpc::Status (Hosts::*method)(grpc::ClientContext*, const Request&, v1::Host*),
                        Request request) {
  std::vector<v1::Host> hosts;
  for (const std::string& name : which.Names()) {
    request.set_name(name);
    CROFT_ASSIGN_OR_RETURN(hosts.emplace_back(),
                           session.Change(method, request, which.ids.size() > 1 ? name : ""));
  }
  if (session.IsHushed()) return absl::OkStatus();
  return hosts.size() == 1 ? session.printer.One(hosts.front()) : session.printer.List(kHosts.field, hosts);
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
    return session.ShowChanged(session.Change(&Hosts::UpdateHost, request));
  });
}

void AddCordon(Noun& noun) {
  auto verb = noun.AddVerb<WhichHosts>("cordon", "Put no new tenants on a host");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichHosts& which) -> absl::Status {
    return ChangeEach(session, which, &Hosts::CordonHost, v1::CordonHostRequest());
  });
}

void AddUncordon(Noun& noun) {
  auto verb = noun.AddVerb<WhichHosts>("uncordon", "Let new tenants on a host again");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichHosts& which) -> absl::Status {
    return ChangeEach(session, which, &Hosts::UncordonHost, v1::UncordonHostRequest());
  });
}

void AddRemove(Noun& noun) {
  auto verb = noun.AddVerb<WhichHost>("remove", "Forget a host that holds no tenants");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichHost& which) -> absl::Status {
    CROFT_RETURN_IF_ERROR(session.Confirm("removes host", LastPart(which.id)));
    v1::RemoveHostRequest request;
    request.set_name(which.Name());
    return session.ShowChanged(session.Change(&Hosts::RemoveHost, request));
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
    return session.ShowChanged(session.Change(&Hosts::AcceptMissingHost, request));
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
    return session.ShowChanged(session.Change(&Hosts::AcceptHostIdentity, request));
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
    session.terminal.Say(absl::StrCat("usable once, until ", TimeText(FromProto(token.expire_time())),
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
  AddHostDescribe(noun);
  AddUpdate(noun);
  AddCordon(noun);
  AddUncordon(noun);
  AddRemove(noun);
  AddAcceptMissing(noun);
  AddAcceptIdentity(noun);
  AddCreateJoinToken(noun);
}

}  // namespace croft::ctl
