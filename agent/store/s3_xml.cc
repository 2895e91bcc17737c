// Reads and writes the XML of S3.

#include "agent/store/s3_xml.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <pugixml.hpp>

#include "common/errors.h"

namespace croft::agent {
namespace {

absl::Status Unreadable(absl::string_view what) {
  return StoreUnreachable(
      absl::StrCat("the server's ", what, " cannot be read; is the endpoint an S3 server?"));
}

// The root of `xml` when it has this name.
absl::StatusOr<pugi::xml_node> Root(pugi::xml_document& document, absl::string_view xml, const char* name) {
  if (document.load_buffer(xml.data(), xml.size())) {
    if (const pugi::xml_node root = document.child(name)) return root;
  }
  return Unreadable(name);
}

std::string Text(const pugi::xml_node& node, const char* name) { return node.child(name).text().get(); }

absl::StatusOr<StoredObject> ParseContents(const pugi::xml_node& node) {
  StoredObject object{.name = Text(node, "Key")};
  std::string error;
  if (object.name.empty() || !absl::SimpleAtoi(Text(node, "Size"), &object.size_bytes) ||
      !absl::ParseTime(absl::RFC3339_full, Text(node, "LastModified"), &object.modified, &error)) {
    return Unreadable("listing");
  }
  return object;
}

}  // namespace

std::string S3ErrorCode(absl::string_view xml) {
  pugi::xml_document document;
  const auto root = Root(document, xml, "Error");
  return root.ok() ? Text(*root, "Code") : "";
}

absl::StatusOr<S3Listing> ParseListing(absl::string_view xml) {
  pugi::xml_document document;
  CROFT_ASSIGN_OR_RETURN(const pugi::xml_node root, Root(document, xml, "ListBucketResult"));
  S3Listing listing;
  for (const pugi::xml_node& node : root.children("Contents")) {
    CROFT_ASSIGN_OR_RETURN(StoredObject object, ParseContents(node));
    listing.objects.push_back(std::move(object));
  }
  const std::string truncated = Text(root, "IsTruncated");
  if (truncated != "true" && truncated != "false") return Unreadable("listing");
  listing.truncated = truncated == "true";
  if (listing.truncated && listing.objects.empty()) return Unreadable("listing");
  return listing;
}

absl::StatusOr<std::string> ParseUploadId(absl::string_view xml) {
  pugi::xml_document document;
  CROFT_ASSIGN_OR_RETURN(const pugi::xml_node root, Root(document, xml, "InitiateMultipartUploadResult"));
  std::string id = Text(root, "UploadId");
  if (id.empty()) return Unreadable("upload");
  return id;
}

absl::StatusOr<bool> ParseVersioned(absl::string_view xml) {
  pugi::xml_document document;
  // A server that has never heard of versions takes the question for one about the bucket's contents.
  if (Root(document, xml, "ListBucketResult").ok()) return false;
  CROFT_ASSIGN_OR_RETURN(const pugi::xml_node root, Root(document, xml, "VersioningConfiguration"));
  return !Text(root, "Status").empty();
}

absl::StatusOr<AssumedRole> ParseAssumedRole(absl::string_view xml) {
  pugi::xml_document document;
  CROFT_ASSIGN_OR_RETURN(const pugi::xml_node root,
                         Root(document, xml, "AssumeRoleWithWebIdentityResponse"));
  const pugi::xml_node node = root.child("AssumeRoleWithWebIdentityResult").child("Credentials");
  AssumedRole role{.access_key = Text(node, "AccessKeyId"),
                   .secret_key = Text(node, "SecretAccessKey"),
                   .session_token = Text(node, "SessionToken"),
                   .expiration = Text(node, "Expiration")};
  if (role.access_key.empty() || role.secret_key.empty()) return Unreadable("role");
  return role;
}

std::string CompleteUploadBody(const std::vector<std::string>& etags) {
  std::string body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (size_t i = 0; i < etags.size(); ++i) {
    const std::string etag =
        absl::StrReplaceAll(etags[i], {{"&", "&amp;"}, {"<", "&lt;"}, {"\"", "&quot;"}});
    absl::StrAppend(&body, "<Part><PartNumber>", i + 1, "</PartNumber><ETag>", etag, "</ETag></Part>");
  }
  absl::StrAppend(&body, "</CompleteMultipartUpload>");
  return body;
}

}  // namespace croft::agent
