#pragma once

namespace croft::domain {

// The member that pointers to members lead to, one after the other: `Follow(tenant, &Tenant::quota, &Quota::connections)`.
template <typename Object>
constexpr Object& Follow(Object& object) {
  return object;
}
template <typename Object, typename Member, typename... More>
constexpr auto& Follow(Object& object, Member member, More... more) {
  return Follow(object.*member, more...);
}

}  // namespace croft::domain
