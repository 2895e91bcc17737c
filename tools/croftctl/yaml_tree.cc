// Reads YAML documents with the line of each value.

#include "tools/croftctl/yaml_tree.h"

#include <sstream>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "common/utf8.h"
#include "tools/croftctl/exit_code.h"

namespace croft::ctl {
namespace {

absl::Status ErrorAt(int line, absl::string_view what) {
  return UsageError(absl::StrCat("line ", line, ": ", what));
}

// Builds the tree from the parser's events. yaml-cpp's own tree takes half a minute and half a gigabyte for a file of
// 50,000 tenants. After the first error it takes no more.
class Builder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) Fail(mark, "a second document begins; there must be one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Add({.line = mark.line + 1}); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Fail(mark, "aliases such as *name are not supported: write out what it stands for");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    const bool quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!quoted) CheckTag(mark, tag);
    Add({.kind = YamlNode::Kind::kScalar, .line = mark.line + 1, .text = value, .quoted = quoted});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Begin(mark, tag, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { End(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Begin(mark, tag, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { End(); }

  absl::StatusOr<YamlNode> Take() {
    if (!status_.ok()) return status_;
    return std::move(root_);
  }

 private:
  // A list or map that has begun and not ended.
  struct Open {
    YamlNode node;
    bool has_key = false;  // the next value of a map is that key's
    std::string key;
    int key_line = 0;
    absl::flat_hash_map<std::string, int> lines;  // of the map's keys
  };

  void Fail(const YAML::Mark& mark, absl::string_view what) { FailAt(mark.line + 1, what); }
  void FailAt(int line, absl::string_view what) {
    if (status_.ok()) status_ = ErrorAt(line, what);
  }

  void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?") Fail(mark, absl::StrCat("the tag ", tag, " is not supported"));
  }

  void Begin(const YAML::Mark& mark, const std::string& tag, YamlNode::Kind kind) {
    CheckTag(mark, tag);
    open_.push_back({.node = {.kind = kind, .line = mark.line + 1}});
  }

  void End() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    Add(std::move(node));
  }

  void Add(YamlNode node) {
    if (!status_.ok()) return;
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.back().node.kind == YamlNode::Kind::kList) {
      open_.back().node.items.push_back(std::move(node));
    } else if (!open_.back().has_key) {
      TakeKey(node);
    } else {
      Open& map = open_.back();
      node.line = map.key_line;
      map.node.keys.push_back(std::move(map.key));
      map.node.items.push_back(std::move(node));
      map.has_key = false;
    }
  }

  void TakeKey(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::kScalar) return FailAt(node.line, "a key must be text");
    Open& map = open_.back();
    const auto [it, inserted] = map.lines.emplace(node.text, node.line);
    if (!inserted)
      return FailAt(node.line, absl::StrCat(node.text, " is there twice; first on line ", it->second));
    map.has_key = true;
    map.key = node.text;
    map.key_line = node.line;
  }

  absl::Status status_;
  int documents_ = 0;
  YamlNode root_;
  std::vector<Open> open_;
};

int LineOf(absl::string_view text, size_t position) {
  int line = 1;
  for (const char c : text.substr(0, position)) line += c == '\n' ? 1 : 0;
  return line;
}

absl::Status CheckUtf8(absl::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8CharacterLength(text.substr(at));
    if (length == 0) return ErrorAt(LineOf(text, at), "is not UTF-8");
    at += length;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<YamlNode> ParseYaml(const std::string& text) {
  if (absl::Status status = CheckUtf8(text); !status.ok()) return status;
  Builder builder;
  std::istringstream in(text);
  // yaml-cpp reports by exceptions, which end here.
  try {
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    return ErrorAt(error.mark.line + 1, error.msg);
  }
  return builder.Take();
}

}  // namespace croft::ctl
