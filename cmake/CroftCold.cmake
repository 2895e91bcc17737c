# A build from nothing in less than half the time: the headers that most sources include are parsed once for rooms and
# once for tests, and up to eight sources of a target are compiled as one, which instantiates their templates once.
# Off by default: a rebuild after a small change is longer then, ccache cannot share objects between checkouts, and a
# source that forgets an include compiles.
option(CROFT_COLD "Build from nothing sooner, by precompiled headers and several sources in one compilation" OFF)

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

if(CROFT_COLD)
  # Who uses a precompiled header must be compiled as it was. Behind one, GCC 12 takes copies of long strings for accesses
  # out of bounds, by three warnings; and a source's own types look like a header's where sources are compiled together.
  # Ordinary builds have all four warnings.
  add_compile_options(-pthread -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-subobject-linkage)
  croft_precompiled(room HEADERS ${CROFT_PRECOMPILED} LINK gRPC::grpc++ protobuf::libprotobuf)
  if(CROFT_TESTS)
    croft_precompiled(tests HEADERS <gmock/gmock.h> <gtest/gtest.h> ${CROFT_PRECOMPILED} OPTIONS ${CROFT_TEST_OPTIONS}
                      LINK gRPC::grpc++ protobuf::libprotobuf GTest::gmock)
  endif()
endif()

# croft_cold(TARGET KIND): KIND is room or tests.
function(croft_cold TARGET KIND)
  if(NOT CROFT_COLD)
    return()
  endif()
  target_precompile_headers(${TARGET} REUSE_FROM croft_precompiled_${KIND})
  croft_together(${TARGET})
endfunction()

# Compiles the sources of TARGET in groups of up to eight. A source goes to the first group with room none of whose local names
# it uses: it may define them, too, or mean another thing by them.
function(croft_together TARGET)
  set(LAST 0)
  get_target_property(SOURCES ${TARGET} SOURCES)
  foreach(SOURCE ${SOURCES})
    get_filename_component(PATH ${SOURCE} ABSOLUTE)
    croft_local_names(${PATH} NAMES)
    file(READ ${PATH} TEXT)
    string(REGEX MATCHALL "[A-Za-z_][A-Za-z0-9_]*" WORDS "${TEXT}")
    set(GROUP 0)
    while(GROUP LESS LAST)
      list(LENGTH TAKEN_${GROUP} ALL)
      set(OTHERS ${TAKEN_${GROUP}})
      list(REMOVE_ITEM OTHERS ${WORDS})
      list(LENGTH OTHERS UNUSED)
      if(UNUSED EQUAL ALL AND SIZE_${GROUP} LESS 8)
        break()
      endif()
      math(EXPR GROUP "${GROUP} + 1")
    endwhile()
    if(GROUP EQUAL LAST)
      set(SIZE_${GROUP} 0)
      math(EXPR LAST "${LAST} + 1")
    endif()
    math(EXPR SIZE_${GROUP} "${SIZE_${GROUP}} + 1")
    list(APPEND TAKEN_${GROUP} ${NAMES})
    set_source_files_properties(${SOURCE} PROPERTIES UNITY_GROUP ${GROUP})
  endforeach()
  set_target_properties(${TARGET} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()

# The constants, types and functions that SOURCE defines at the left edge in a namespace without a name.
function(croft_local_names SOURCE RESULT)
  set(NAMES)
  set(LOCAL OFF)
  file(STRINGS ${SOURCE} LINES REGEX "^[A-Za-z}]")
  foreach(LINE IN LISTS LINES)
    if(LINE MATCHES "^namespace {")
      set(LOCAL ON)
    elseif(LINE MATCHES "^}  // namespace$")
      set(LOCAL OFF)
    elseif(NOT LOCAL)
      continue()
    elseif(LINE MATCHES "^(constexpr|const|thread_local)[^=({]*[ *&](k[A-Z][A-Za-z0-9]*)")
      list(APPEND NAMES ${CMAKE_MATCH_2})
    elseif(LINE MATCHES "^(class|struct|enum class|using) ([A-Z][A-Za-z0-9]*)")
      list(APPEND NAMES ${CMAKE_MATCH_2})
    elseif(LINE MATCHES "^([A-Za-z_][A-Za-z0-9_:<>,*& ]*)[ *&]([A-Z][A-Za-z0-9]*)\\(")
      list(APPEND NAMES ${CMAKE_MATCH_2})
    endif()
  endforeach()
  set(${RESULT} ${NAMES} PARENT_SCOPE)
endfunction()
