# The library as applications install it: cmake --install BUILD --component client --prefix PREFIX, and the same with
# client-dev for what is needed to build against it.
#
# One shared library, made of position-independent parts of its own, that shows its interface alone. Its generated
# code is the lite kind, which registers nothing for the whole process: an application may have stubs of the same
# wire contract beside it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(LITE ${CMAKE_CURRENT_BINARY_DIR}/lite)
set(LITE_SOURCES)
foreach(NAME lookup tenant operation finding error)
  list(APPEND LITE_SOURCES ${LITE}/croft/v1/${NAME}.pb.cc)
  list(APPEND LITE_PROTOS croft/v1/${NAME}.proto)
endforeach()
list(TRANSFORM LITE_PROTOS PREPEND ${CMAKE_SOURCE_DIR}/proto/ OUTPUT_VARIABLE LITE_FILES)
list(APPEND LITE_SOURCES ${LITE}/croft/v1/lookup.grpc.pb.cc)
add_custom_command(
  OUTPUT ${LITE_SOURCES}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${LITE}
  COMMAND ${PROTOC} -I. --cpp_out=lite:${LITE} ${LITE_PROTOS}
  COMMAND ${PROTOC} -I. --grpc_out=${LITE} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN} croft/v1/lookup.proto
  DEPENDS ${LITE_FILES}
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/proto VERBATIM)

file(GLOB CLIENT_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
add_library(croft_client_shared SHARED ${CLIENT_SOURCES} ${LITE_SOURCES}
  ${CMAKE_SOURCE_DIR}/common/errors.cc ${CMAKE_SOURCE_DIR}/common/files.cc
  ${CMAKE_SOURCE_DIR}/common/crypto/hash.cc ${CMAKE_SOURCE_DIR}/common/crypto/seal.cc)
target_include_directories(croft_client_shared PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/include)
target_include_directories(croft_client_shared SYSTEM BEFORE PRIVATE ${LITE})
target_compile_options(croft_client_shared PRIVATE ${CROFT_WARNINGS})
target_link_libraries(croft_client_shared PRIVATE absl::status absl::statusor absl::strings absl::time
  gRPC::grpc++ protobuf::libprotobuf OpenSSL::Crypto PkgConfig::sodium nlohmann_json::nlohmann_json
  PkgConfig::tomlplusplus Threads::Threads)
target_link_options(croft_client_shared PRIVATE LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/exports.map
                    LINKER:--gc-sections LINKER:--as-needed)
set_target_properties(croft_client_shared PROPERTIES
  OUTPUT_NAME croft-client VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/exports.map)

configure_package_config_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/CroftClientConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/CroftClientConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/CroftClient
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/CroftClientConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)

install(TARGETS croft_client_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client
        NAMELINK_COMPONENT client-dev)
install(DIRECTORY include/croft DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT client-dev)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/CroftClientConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/CroftClientConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/CroftClient COMPONENT client-dev)
# Made when it is installed, which is when the prefix is known.
set(PC_IN ${CMAKE_CURRENT_SOURCE_DIR}/cmake/croft-client.pc.in)
set(PC_OUT ${CMAKE_CURRENT_BINARY_DIR}/croft-client.pc)
install(CODE "
  set(PROJECT_VERSION \"${PROJECT_VERSION}\")
  set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
  set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
  configure_file(\"${PC_IN}\" \"${PC_OUT}\" @ONLY)" COMPONENT client-dev)
install(FILES ${PC_OUT} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT client-dev)
