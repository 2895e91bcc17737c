#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include "croft/v1/access.grpc.pb.h"
#include "croft/v1/audit.grpc.pb.h"
#include "croft/v1/backup.grpc.pb.h"
#include "croft/v1/event.grpc.pb.h"
#include "croft/v1/host.grpc.pb.h"
#include "croft/v1/operation.grpc.pb.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "tools/croftctl/tool.h"
#include "tools/croftctl/values.h"

// Lists of the API, all pages of them.
namespace croft::ctl {

// How one kind of resource is listed.
template <class Stub, class Request, class Response, class Item>
struct Listing {
  const char* field;  // of the response
  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*);
  const google::protobuf::RepeatedPtrField<Item>& (Response::*items)() const;
};

inline constexpr Listing<v1::TenantService::Stub, v1::ListTenantsRequest, v1::ListTenantsResponse,
                         v1::Tenant>
    kTenants = {"tenants", &v1::TenantService::Stub::ListTenants, &v1::ListTenantsResponse::tenants};
inline constexpr Listing<v1::BackupService::Stub, v1::ListBackupsRequest, v1::ListBackupsResponse,
                         v1::Backup>
    kBackups = {"backups", &v1::BackupService::Stub::ListBackups, &v1::ListBackupsResponse::backups};
inline constexpr Listing<v1::HostService::Stub, v1::ListHostsRequest, v1::ListHostsResponse, v1::Host>
    kHosts = {"hosts", &v1::HostService::Stub::ListHosts, &v1::ListHostsResponse::hosts};
inline constexpr Listing<v1::OperationService::Stub, v1::ListOperationsRequest, v1::ListOperationsResponse,
                         v1::Operation>
    kOperations = {"operations", &v1::OperationService::Stub::ListOperations,
                   &v1::ListOperationsResponse::operations};

inline constexpr Listing<v1::AccessService::Stub, v1::ListPrincipalsRequest, v1::ListPrincipalsResponse,
                         v1::Principal>
    kPrincipals = {"principals", &v1::AccessService::Stub::ListPrincipals,
                   &v1::ListPrincipalsResponse::principals};
inline constexpr Listing<v1::AuditService::Stub, v1::ListAuditEventsRequest, v1::ListAuditEventsResponse,
                         v1::AuditEvent>
    kAuditEvents = {"events", &v1::AuditService::Stub::ListAuditEvents,
                    &v1::ListAuditEventsResponse::events};
inline constexpr Listing<v1::EventService::Stub, v1::ListEventsRequest, v1::ListEventsResponse, v1::Event>
    kEvents = {"events", &v1::EventService::Stub::ListEvents, &v1::ListEventsResponse::events};

template <class Item>
struct Listed {
  std::vector<Item> items;
  bool cut = false;  // there are more than `limit`
};

// At most `limit` of them; 0 is all.
template <class Stub, class Request, class Response, class Item>
[[nodiscard]] absl::StatusOr<Listed<Item>> ListAll(Client& client,
                                                   const Listing<Stub, Request, Response, Item>& listing,
                                                   Request request, size_t limit) {
  constexpr size_t kPage = 1000;
  Listed<Item> listed;
  for (;;) {
    const size_t wanted = limit == 0 ? kPage : std::min(kPage, limit - listed.items.size());
    request.set_page_size(static_cast<int32_t>(wanted));
    const absl::StatusOr<Response> page = client.Call(listing.method, request);
    if (!page.ok()) return page.status();
    for (const Item& item : ((*page).*listing.items)()) listed.items.push_back(item);
    const bool full = limit != 0 && listed.items.size() >= limit;
    listed.cut = full && !page->next_page_token().empty();
    if (full || page->next_page_token().empty()) return listed;
    request.set_page_token(page->next_page_token());
  }
}

// Flags that the lists share.
struct ListFlags {
  std::string filter;
  std::string sort_by;
  size_t limit = 0;

  // --limit and --sort-by.
  void AddTo(CLI::App& verb) {
    verb.add_option("--limit", limit, "Show at most so many; 0 is all")
        ->check([](const std::string& text) {
          return text.front() == '-' ? "wants 0 or more, not " + text : "";
        })
        ->capture_default_str();
    verb.add_option("--sort-by", sort_by,
                    "Column to sort by, such as age; age:desc sorts the other way round");
  }
  void AddFilter(CLI::App& verb, const std::string& example) {
    verb.add_option("--filter", filter,
                    absl::StrCat("Only those for which this holds, such as '", example, "'"));
  }
};

// The items that `flags` ask for. What is to be sorted is all of them: the printer cuts.
template <class Stub, class Request, class Response, class Item>
[[nodiscard]] absl::StatusOr<std::vector<Item>> ListAsked(
    Session& session, const Listing<Stub, Request, Response, Item>& listing, const Request& request,
    const ListFlags& flags) {
  absl::StatusOr<Listed<Item>> listed =
      ListAll(session.client, listing, request, flags.sort_by.empty() ? flags.limit : 0);
  if (!listed.ok()) return listed.status();
  const bool cut = listed->cut || (flags.limit > 0 && listed->items.size() > flags.limit);
  if (cut)
    session.terminal.Say(
        absl::StrCat("there are more than ", flags.limit, "; a larger --limit shows them"));
  return std::move(listed->items);
}

template <class Stub, class Request, class Response, class Item>
[[nodiscard]] absl::Status PrintAll(Session& session, const Listing<Stub, Request, Response, Item>& listing,
                                    const Request& request, const ListFlags& flags) {
  const absl::StatusOr<std::vector<Item>> items = ListAsked(session, listing, request, flags);
  if (!items.ok()) return items.status();
  return session.printer.List(listing.field, *items, {.sort_by = flags.sort_by, .limit = flags.limit});
}

// Reads the resources called `names` and prints them: one alone, or a list of several.
template <class Stub, class Request, class Message>
[[nodiscard]] absl::Status GetEach(
    Session& session, const std::string& field, const std::vector<std::string>& names,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Message*), Request request) {
  std::vector<Message> messages;
  for (const std::string& name : names) {
    request.set_name(name);
    absl::StatusOr<Message> message = session.client.Call(method, request);
    if (!message.ok()) return message.status();
    messages.push_back(*std::move(message));
  }
  return messages.size() == 1 ? session.printer.One(messages.front())
                              : session.printer.List(field, messages);
}

// `terms`, those that are not empty, joined by AND.
[[nodiscard]] inline std::string AllOf(const std::vector<std::string>& terms) {
  std::string filter;
  for (const std::string& term : terms) {
    if (!term.empty()) absl::StrAppend(&filter, filter.empty() ? "" : " AND ", term);
  }
  return filter;
}

// `state = X` for the state of a resource that `state` names, such as `up`; empty for none.
template <class State>
[[nodiscard]] absl::StatusOr<std::string> StateFilter(const std::string& state) {
  if (state.empty()) return std::string();
  const absl::StatusOr<State> parsed = ParseEnum<State>("STATE_", state, "--state");
  if (!parsed.ok()) return parsed.status();
  return absl::StrCat("state = ", EnumName(*google::protobuf::GetEnumDescriptor<State>(), "STATE_",
                                           static_cast<int>(*parsed)));
}

}  // namespace croft::ctl
