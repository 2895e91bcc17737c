#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "controlplane/usage/usage.h"

// What tests of usage share.
namespace croft::usage {

inline const absl::Time kHour = absl::FromUnixSeconds(1'800'000'000 - 1'800'000'000 % 3600);

class Folder {
 public:
  Folder() {
    std::string name = testing::TempDir() + "croft-usage-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file() const { return path_ + "/usage.db"; }

 private:
  std::string path_;
};

inline Report ReportOf(const std::string& uid, int64_t commits, std::optional<int64_t> size = std::nullopt,
                       int32_t connections = 0) {
  return {.uid = uid,
          .generation = 1,
          .connections = connections,
          .size_bytes = size,
          .size_time = kHour,
          .counters = {.commits = commits}};
}

}  // namespace croft::usage
