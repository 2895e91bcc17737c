#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <set>
#include <string>

#include <absl/strings/string_view.h>
#include <google/protobuf/field_mask.pb.h>

#include "controlplane/wire/violations.h"

namespace croft::wire {

// The fields that an update may name, and what is done for each.
class MaskReader {
 public:
  using Take = std::function<void()>;
  using TakeKey = std::function<void(const std::string& key)>;

  // `is_set`: whether an empty mask means this field too.
  void Field(std::string path, bool is_set, Take take) {
    fields_[std::move(path)] = {is_set, std::move(take)};
  }
  // A part of a whole field, `path.PART`. Naming both is a violation. An empty mask means the whole.
  void Part(std::string path, Take take) { parts_[std::move(path)] = std::move(take); }
  // `path.KEY`. Naming the whole field beside one of its keys is a violation.
  void Keys(std::string path, TakeKey take) { keys_[std::move(path)] = std::move(take); }
  // Never changes after creation: named with an explanation.
  void Fixed(std::string path, std::string why) { fixed_[std::move(path)] = std::move(why); }

  // Takes every field that `mask` names, once; all of them for `*`; those that are set for an empty mask. Paths that
  // name nothing are violations of `update_mask`, which name the path.
  void Read(const google::protobuf::FieldMask& mask, Violations& violations) const;

 private:
  struct Whole {
    bool is_set = false;
    Take take;
  };
  void ReadPath(const std::string& path, const std::set<std::string>& paths, Violations& violations) const;
  // What may be named instead, for people: the parts of the field that `path` is in, else all fields.
  std::string Choices(absl::string_view path) const;

  std::map<std::string, Whole> fields_;
  std::map<std::string, Take> parts_;
  std::map<std::string, TakeKey> keys_;
  std::map<std::string, std::string> fixed_;
};

}  // namespace croft::wire
