#pragma once

#include <string>

#include <absl/time/time.h>

// The record of a purge: what of a tenant was destroyed.
namespace croft::domain {

// Kept for good, after all else of the tenant is gone.
struct Erasure {
  std::string uid;
  std::string tenant;     // id; another tenant may have it later
  std::string operation;  // id of the purge
  absl::Time time;        // when the last key was destroyed
  std::string statement;  // what is signed
  std::string signature;  // by the control plane's authority

  friend bool operator==(const Erasure&, const Erasure&) = default;
};

// What is signed: what it is and about whom, then `account`, lines that say what was destroyed.
[[nodiscard]] std::string StatementOf(const Erasure& erasure, const std::string& account);

}  // namespace croft::domain
