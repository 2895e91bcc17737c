// Finds the first text field that is not UTF-8.

#include "controlplane/server/invalid_text.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "common/utf8.h"

namespace croft::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr int kDeepest = 100;  // as deep as parsing goes

std::optional<std::string> Find(const Descriptor& descriptor, absl::string_view bytes, int depth) {
  CodedInputStream input(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  while (const uint32_t tag = input.ReadTag()) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&input, tag)) return std::nullopt;
      continue;
    }
    uint32_t size = 0;
    if (!input.ReadVarint32(&size)) return std::nullopt;
    const auto start = static_cast<size_t>(input.CurrentPosition());
    if (size > bytes.size() - start || !input.Skip(static_cast<int>(size))) return std::nullopt;
    const absl::string_view value = bytes.substr(start, size);
    const FieldDescriptor* field = descriptor.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    if (field == nullptr) continue;
    if (field->type() == FieldDescriptor::TYPE_STRING && !IsUtf8(value)) return field->name();
    if (field->type() == FieldDescriptor::TYPE_MESSAGE && depth < kDeepest) {
      const auto below = Find(*field->message_type(), value, depth + 1);
      // A map's key or value is named by the map.
      if (below) return field->is_map() ? field->name() : field->name() + "." + *below;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> FindInvalidText(const Descriptor& descriptor, absl::string_view bytes) {
  return Find(descriptor, bytes, 0);
}

}  // namespace croft::server
