# Headers that most sources include, parsed once for rooms and once for tests, so that a build from nothing is shorter.
# Off by default: ccache cannot share objects between checkouts then, and a source that forgets an include compiles.
option(CROFT_PRECOMPILE "Precompile the headers that most sources include; for builds from nothing" OFF)

set(CROFT_PRECOMPILED
    <algorithm> <array> <atomic> <cstdint> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <string>
    <thread> <tuple> <utility> <variant> <vector>
    <absl/status/status.h> <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/strings/str_format.h>
    <absl/strings/str_join.h> <absl/strings/str_split.h> <absl/time/clock.h> <absl/time/time.h>
    <google/protobuf/message.h> <google/protobuf/timestamp.pb.h> <grpcpp/grpcpp.h>)

# croft_precompiled(KIND OPTIONS option... HEADERS header...): a target that holds the headers for targets of its kind.
function(croft_precompiled KIND)
  cmake_parse_arguments(ARG "" "" "OPTIONS;HEADERS;LINK" ${ARGN})
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled/${KIND}.cc "")
  add_library(croft_precompiled_${KIND} OBJECT ${CMAKE_BINARY_DIR}/precompiled/${KIND}.cc)
  target_link_libraries(croft_precompiled_${KIND} PRIVATE ${ARG_LINK})
  target_compile_options(croft_precompiled_${KIND} PRIVATE ${CROFT_WARNINGS} ${ARG_OPTIONS})
  target_precompile_headers(croft_precompiled_${KIND} PRIVATE ${ARG_HEADERS})
endfunction()

if(CROFT_PRECOMPILE)
  # Who uses a precompiled header must be compiled as it was. Behind one, GCC 12 takes copies of long strings for accesses
  # out of bounds, by three warnings; builds without precompiled headers have them.
  add_compile_options(-pthread -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  croft_precompiled(room HEADERS ${CROFT_PRECOMPILED} LINK gRPC::grpc++ protobuf::libprotobuf)
  if(CROFT_TESTS)
    croft_precompiled(tests HEADERS <gmock/gmock.h> <gtest/gtest.h> ${CROFT_PRECOMPILED} OPTIONS ${CROFT_TEST_OPTIONS}
                      LINK gRPC::grpc++ protobuf::libprotobuf GTest::gmock)
  endif()
endif()

# croft_precompile(TARGET KIND): KIND is room or tests.
function(croft_precompile TARGET KIND)
  if(CROFT_PRECOMPILE)
    target_precompile_headers(${TARGET} REUSE_FROM croft_precompiled_${KIND})
  endif()
endfunction()
