#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>

#include "controlplane/domain/tenant.h"

// What a lookup needs of a tenant, packed.
namespace croft::lookup {

struct HostEntry;

// Two views whose texts follow one another.
struct Joined {
  absl::string_view head;
  absl::string_view tail;

  size_t size() const { return head.size() + tail.size(); }
  std::string text() const;
};

struct RowLogin {
  Joined user;
  absl::string_view packed_password;  // see SealedPassword
  bool present = false;
};

// A row's contents, as views into it.
struct RowContents {
  absl::string_view id;
  Joined uid;
  std::vector<absl::string_view> aliases;
  std::map<std::string, std::string> labels;
  Joined database;
  RowLogin app;
  RowLogin read_only;
  // Fields `settings` and `features` of a LookupResponse, serialised.
  absl::string_view extras;
};

// What lookups need of one tenant, unchangeable and packed into one piece of memory, since there may be a million
// of them: names share what they begin with, sealed passwords lie in bytes instead of base64.
class Row {
 public:
  struct Free {
    void operator()(const Row* row) const { ::operator delete(const_cast<Row*>(row)); }
  };
  using Pointer = std::unique_ptr<const Row, Free>;

  // `host` outlives the row.
  static Pointer Make(const domain::Tenant& tenant, const HostEntry* host, int64_t revision,
                      int64_t sequence);
  // The same row as of another point.
  static Pointer Copy(const Row& row, int64_t revision, int64_t sequence);

  int64_t revision() const { return revision_; }  // of the commit that changed it last
  int64_t sequence() const { return sequence_; }  // of the change in the index's history
  int64_t generation() const { return generation_; }
  const HostEntry* host() const { return host_; }
  domain::TenantState state() const { return state_; }
  domain::SuspendMode suspend_mode() const { return suspend_mode_; }
  bool unconfirmed() const { return unconfirmed_; }
  bool closed_for_growth() const { return closed_for_growth_; }

  // Whether `name` is its id or one of its aliases.
  bool IsCalled(absl::string_view name) const;
  absl::string_view id() const;
  // `labels` are read only when asked for, being the only part that is not a view.
  RowContents Unpack(bool labels = false) const;

 private:
  Row() = default;
  absl::string_view packed() const { return {reinterpret_cast<const char*>(this + 1), size_}; }
  static Pointer Allocate(const Row& head, absl::string_view packed);

  int64_t revision_ = 0;
  int64_t sequence_ = 0;
  int64_t generation_ = 0;
  const HostEntry* host_ = nullptr;
  uint32_t size_ = 0;
  domain::TenantState state_ = domain::TenantState::kCreating;
  domain::SuspendMode suspend_mode_ = domain::SuspendMode::kNone;
  bool unconfirmed_ = false;
  bool closed_for_growth_ = false;
};

// The text that the keyring sealed, from what the row holds of it.
std::string SealedPassword(absl::string_view packed_password);

}  // namespace croft::lookup
