#pragma once

#include <cstddef>
#include <tuple>

// A type of which the catalog keeps the members as JSON names them beside their declarations:
//
//   struct RotateTask {
//     std::string login;
//     bool enable = false;
//
//     static constexpr std::tuple kStored{Stored("login", &RotateTask::login), Stored("enable", &RotateTask::enable)};
//   };
//
// The codec is derived (catalog/sqlite/payloads.cc). Keys are never renamed or reused: old catalogs have them.
namespace croft::domain {

template <typename Of, typename Member>
struct StoredField {
  const char* key;
  Member Of::*member;
};

template <typename Of, typename Member>
constexpr StoredField<Of, Member> Stored(const char* key, Member Of::*member) {
  return {key, member};
}

namespace internal {

// Only for asking how many of them initialize an aggregate.
struct Anything {
  template <typename T>
  operator T() const;
};

template <typename T, typename... Given>
constexpr size_t CountMembers() {
  if constexpr (requires { T{Given()..., Anything()}; }) {
    return CountMembers<T, Given..., Anything>();
  } else {
    return sizeof...(Given);
  }
}

template <typename T>
constexpr size_t CountStored() {
  if constexpr (requires { T::kStored; }) {
    return std::tuple_size_v<decltype(T::kStored)>;
  } else {
    return 0;
  }
}

}  // namespace internal

// Whether kStored has as many fields as the aggregate T has members. A type without members needs none.
template <typename T>
inline constexpr bool kStoresAllMembers = internal::CountMembers<T>() == internal::CountStored<T>();

}  // namespace croft::domain
