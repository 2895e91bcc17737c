#include "controlplane/server/reflection.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>

#include "tests/controlplane/server/probe.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

namespace reflection_v1 = grpc::reflection::v1;
using testing::ElementsAre;
using testing::IsSupersetOf;

reflection_v1::ServerReflectionRequest File(const std::string& name) {
  reflection_v1::ServerReflectionRequest request;
  request.set_file_by_filename(name);
  return request;
}

reflection_v1::ServerReflectionRequest Symbol(const std::string& name) {
  reflection_v1::ServerReflectionRequest request;
  request.set_file_containing_symbol(name);
  return request;
}

std::vector<std::string> FilesIn(const reflection_v1::ServerReflectionResponse& response) {
  std::vector<std::string> names;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(file.ParseFromString(bytes));
    names.push_back(file.name());
  }
  return names;
}

TEST(ReflectionTest, AFileComesWithAllThatItImports) {
  const auto files = FilesIn(Reflect(File("croft/v1/operation.proto"), {}));
  ASSERT_FALSE(files.empty());
  EXPECT_EQ(files.front(), "croft/v1/operation.proto");
  EXPECT_THAT(files, IsSupersetOf({"croft/v1/error.proto", "google/protobuf/any.proto"}));
}

TEST(ReflectionTest, DetailsOfErrorsAreDescribed) {
  EXPECT_EQ(FilesIn(Reflect(Symbol("croft.v1.ErrorInfo"), {})).front(), "croft/v1/error.proto");
  EXPECT_EQ(FilesIn(Reflect(Symbol("croft.v1.TenantService.GetTenant"), {})).front(),
            "croft/v1/tenant.proto");
}

TEST(ReflectionTest, WhatIsNotThereIsNotFound) {
  reflection_v1::ServerReflectionRequest extension;
  extension.mutable_file_containing_extension()->set_containing_type("croft.v1.Tenant");
  extension.mutable_file_containing_extension()->set_extension_number(7);
  reflection_v1::ServerReflectionRequest numbers;
  numbers.set_all_extension_numbers_of_type("croft.v1.Nothing");
  for (const auto& request : {File("no.proto"), Symbol("croft.v1.Nothing"), extension, numbers}) {
    const reflection_v1::ServerReflectionResponse response = Reflect(request, {});
    EXPECT_EQ(response.error_response().error_code(), grpc::StatusCode::NOT_FOUND) << request.DebugString();
    EXPECT_EQ(response.original_request().SerializeAsString(), request.SerializeAsString());
  }
  EXPECT_EQ(Reflect({}, {}).error_response().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(ReflectionTest, OneCallAsksAboutEverything) {
  Probe probe;
  Plane plane;
  plane.Listen(probe.services());
  const auto stub = reflection_v1::ServerReflection::NewStub(plane.AsNobody());
  grpc::ClientContext context;
  const auto stream = stub->ServerReflectionInfo(&context);
  reflection_v1::ServerReflectionRequest list;
  list.set_list_services("");
  reflection_v1::ServerReflectionResponse response;
  ASSERT_TRUE(stream->Write(list) && stream->Read(&response));
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) names.push_back(service.name());
  EXPECT_THAT(names, ElementsAre("croft.v1.OperationService", "croft.v1.TenantService",
                                 "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                 "grpc.reflection.v1alpha.ServerReflection"));
  for (const std::string& name : names) {
    if (name == "grpc.reflection.v1alpha.ServerReflection") continue;
    ASSERT_TRUE(stream->Write(Symbol(name)) && stream->Read(&response));
    EXPECT_FALSE(FilesIn(response).empty()) << name;
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ReflectionTest, ManyOpenCallsAreRefusedAndGiveTheirRoomBack) {
  Probe probe;
  Plane plane;
  plane.Listen(probe.services());
  const auto stub = reflection_v1::ServerReflection::NewStub(plane.AsNobody());
  struct Open {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReaderWriter<reflection_v1::ServerReflectionRequest,
                                             reflection_v1::ServerReflectionResponse>>
        stream;
  };
  reflection_v1::ServerReflectionResponse response;
  std::vector<std::unique_ptr<Open>> open;
  for (size_t i = 0; i < Reflection::kMostCalls; ++i) {
    open.push_back(std::make_unique<Open>());
    open.back()->stream = stub->ServerReflectionInfo(&open.back()->context);
    ASSERT_TRUE(open.back()->stream->Write(Symbol("croft.v1.Tenant")));
    ASSERT_TRUE(open.back()->stream->Read(&response)) << i;
  }
  grpc::ClientContext one_more;
  const auto refused = stub->ServerReflectionInfo(&one_more);
  EXPECT_FALSE(refused->Read(&response));
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  for (const auto& one : open) {
    one->stream->WritesDone();
    EXPECT_TRUE(one->stream->Finish().ok());
  }
  grpc::ClientContext again;
  const auto served = stub->ServerReflectionInfo(&again);
  ASSERT_TRUE(served->Write(Symbol("croft.v1.Tenant")));
  EXPECT_TRUE(served->Read(&response));
  served->WritesDone();
  EXPECT_TRUE(served->Finish().ok());
}

}  // namespace
}  // namespace croft::server
