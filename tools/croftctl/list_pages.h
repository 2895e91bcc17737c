#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tools/croftctl/lists.h"

namespace croft::ctl {

// Calls `each` with all that is listed, of which it holds one page at a time.
template <class Stub, class Request, class Response, class Item, class Each>
[[nodiscard]] absl::Status ForEachListed(Client& client,
                                         const Listing<Stub, Request, Response, Item>& listing,
                                         Request request, const Each& each) {
  request.set_page_size(1000);
  do {
    absl::StatusOr<Response> page = client.Call(listing.method, request);
    if (!page.ok()) return page.status();
    for (const Item& item : ((*page).*listing.items)()) each(item);
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

}  // namespace croft::ctl
