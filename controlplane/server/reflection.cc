// Answers gRPC's reflection requests, v1 and v1alpha.

#include "controlplane/server/reflection.h"

#include <algorithm>
#include <set>
#include <utility>

#include <absl/strings/str_cat.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

namespace croft::server {
namespace {

namespace reflection_v1 = grpc::reflection::v1;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

const DescriptorPool& Pool() { return *DescriptorPool::generated_pool(); }

void SetNotFound(const std::string& what, reflection_v1::ServerReflectionResponse& response) {
  response.mutable_error_response()->set_error_code(grpc::StatusCode::NOT_FOUND);
  response.mutable_error_response()->set_error_message(absl::StrCat(what, " is not known here"));
}

// A file before what it imports.
void AddFile(const FileDescriptor& file, std::set<const FileDescriptor*>& added,
             reflection_v1::FileDescriptorResponse& response) {
  if (!added.insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), added, response);
}

void AnswerFile(const FileDescriptor* file, const std::string& asked,
                reflection_v1::ServerReflectionResponse& response) {
  if (file == nullptr) return SetNotFound(asked, response);
  std::set<const FileDescriptor*> added;
  AddFile(*file, added, *response.mutable_file_descriptor_response());
}

const FileDescriptor* FileOfExtension(const reflection_v1::ExtensionRequest& request) {
  const Descriptor* extended = Pool().FindMessageTypeByName(request.containing_type());
  if (extended == nullptr) return nullptr;
  const FieldDescriptor* extension = Pool().FindExtensionByNumber(extended, request.extension_number());
  return extension == nullptr ? nullptr : extension->file();
}

void AnswerExtensionNumbers(const std::string& type, reflection_v1::ServerReflectionResponse& response) {
  const Descriptor* extended = Pool().FindMessageTypeByName(type);
  if (extended == nullptr) return SetNotFound(type, response);
  std::vector<const FieldDescriptor*> extensions;
  Pool().FindAllExtensions(extended, &extensions);
  reflection_v1::ExtensionNumberResponse& numbers = *response.mutable_all_extension_numbers_response();
  numbers.set_base_type_name(type);
  for (const FieldDescriptor* extension : extensions) numbers.add_extension_number(extension->number());
}

}  // namespace

reflection_v1::ServerReflectionResponse Reflect(const reflection_v1::ServerReflectionRequest& request,
                                                const std::vector<std::string>& services) {
  reflection_v1::ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case reflection_v1::ServerReflectionRequest::kFileByFilename:
      AnswerFile(Pool().FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
      break;
    case reflection_v1::ServerReflectionRequest::kFileContainingSymbol:
      AnswerFile(Pool().FindFileContainingSymbol(request.file_containing_symbol()),
                 request.file_containing_symbol(), response);
      break;
    case reflection_v1::ServerReflectionRequest::kFileContainingExtension:
      AnswerFile(FileOfExtension(request.file_containing_extension()), "that extension", response);
      break;
    case reflection_v1::ServerReflectionRequest::kAllExtensionNumbersOfType:
      AnswerExtensionNumbers(request.all_extension_numbers_of_type(), response);
      break;
    case reflection_v1::ServerReflectionRequest::kListServices:
      for (const std::string& service : services) {
        response.mutable_list_services_response()->add_service()->set_name(service);
      }
      break;
    case reflection_v1::ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      response.mutable_error_response()->set_error_code(grpc::StatusCode::INVALID_ARGUMENT);
      response.mutable_error_response()->set_error_message("nothing was asked for");
      break;
  }
  return response;
}

// One call, which deletes itself when it is over. gRPC calls it one method at a time.
class Reflection::Call final : public grpc::ServerBidiReactor<reflection_v1::ServerReflectionRequest,
                                                              reflection_v1::ServerReflectionResponse> {
 public:
  explicit Call(Reflection& service) : service_(service) {
    if (service_.calls_.fetch_add(1) >= service_.most_calls_) {
      Finish(
          {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls of reflection are open; ask again later"});
      return;
    }
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    response_ = Reflect(request_, service_.services_);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish({grpc::StatusCode::CANCELLED, "the caller has gone"});
    StartRead(&request_);
  }
  void OnDone() override {
    service_.calls_.fetch_sub(1);
    delete this;
  }

 private:
  Reflection& service_;
  reflection_v1::ServerReflectionRequest request_;
  reflection_v1::ServerReflectionResponse response_;
};

grpc::ServerBidiReactor<reflection_v1::ServerReflectionRequest, reflection_v1::ServerReflectionResponse>*
Reflection::ServerReflectionInfo(grpc::CallbackServerContext*) {
  return new Call(*this);
}

}  // namespace croft::server
