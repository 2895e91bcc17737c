# A room is a folder and a target of the same name. What it links is what it may include: PUBLIC rooms
# appear in its headers, PRIVATE ones only in its sources.

# Designated initializers leave the other members to their defaults on purpose.
set(CROFT_WARNINGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
    -Wno-missing-field-initializers)
if(NOT CROFT_SANITIZE STREQUAL "fuzzer")  # which is built by Clang, whose warnings are others
  list(APPEND CROFT_WARNINGS -Werror)
endif()

# By how much longer a test may take: ThreadSanitizer makes some of them thirty times slower.
set(CROFT_PATIENCE 1)
if(CROFT_SANITIZE)
  set(CROFT_PATIENCE 10)
endif()

set(CROFT_LEAKS LSAN_OPTIONS=print_suppressions=0:suppressions=${CMAKE_SOURCE_DIR}/tests/leaks)
# Of tests that are no programs of the build: what they are about is in this build and no other.
set(CROFT_TEST_ENVIRONMENT ${CROFT_LEAKS} CROFT_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY} PYTHONDONTWRITEBYTECODE=1
    CROFT_SANITIZE_FLAGS=${CROFT_SANITIZE_FLAGS})

# croft_room(NAME [PUBLIC target...] [PRIVATE target...]): the library of all sources in this folder, or a
# header-only one where there are none.
function(croft_room NAME)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  list(FILTER SOURCES EXCLUDE REGEX "/main\\.cc$")
  if(SOURCES)
    add_library(${NAME} STATIC ${SOURCES})
    target_include_directories(${NAME} PUBLIC ${CMAKE_SOURCE_DIR})
    target_compile_options(${NAME} PRIVATE ${CROFT_WARNINGS})
    target_link_libraries(${NAME} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
    croft_cold(${NAME} room)
  else()
    add_library(${NAME} INTERFACE)
    target_include_directories(${NAME} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${NAME} INTERFACE ${ARG_PUBLIC})
  endif()
endfunction()

# croft_program(NAME SOURCE LINK target...)
function(croft_program NAME SOURCE)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${NAME} ${SOURCE})
  target_include_directories(${NAME} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${NAME} PRIVATE ${CROFT_WARNINGS})
  target_link_libraries(${NAME} PRIVATE ${ARG_LINK})
  croft_cold(${NAME} room)
endfunction()

# croft_tests(NAME [WHOLE] [GRPC] [LABELS label...] LINK target...): one binary of all *_test.cc in this folder, each
# case a ctest test; or, with WHOLE, all of them one ctest test, for cases that share a costly server. GRPC: it
# calls or serves, see tests/leaks.
function(croft_tests NAME)
  cmake_parse_arguments(ARG "WHOLE;GRPC" "TIMEOUT" "LABELS;LINK" ${ARGN})
  file(GLOB SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT SOURCES)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * ${CROFT_PATIENCE}")
  add_executable(${NAME} ${SOURCES})
  target_include_directories(${NAME} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${NAME} PRIVATE ${CROFT_WARNINGS} ${CROFT_TEST_OPTIONS})
  target_link_libraries(${NAME} PRIVATE ${ARG_LINK} GTest::gmock GTest::gtest_main)
  croft_cold(${NAME} tests)
  if(ARG_GRPC)
    set(environment ENVIRONMENT ${CROFT_LEAKS})
  endif()
  if(ARG_WHOLE)
    add_test(NAME ${NAME} COMMAND ${NAME})
    set_tests_properties(${NAME} PROPERTIES TIMEOUT ${ARG_TIMEOUT} ${environment} LABELS "${ARG_LABELS}")
    return()
  endif()
  gtest_discover_tests(${NAME} DISCOVERY_MODE PRE_TEST TEST_PREFIX "${NAME}/"
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT} ${environment} LABELS "${ARG_LABELS}")
endfunction()

# e2e_test(NAME TIMEOUT command...): with real daemons, agents and PostgreSQL servers, started as people start
# them, in a network of its own.
function(e2e_test NAME TIMEOUT)
  add_test(NAME e2e/${NAME} COMMAND ${CMAKE_SOURCE_DIR}/tests/e2e/in_own_network ${ARGN})
  # Long ones begin first, so that none of them runs alone at the end.
  set_tests_properties(e2e/${NAME} PROPERTIES LABELS e2e TIMEOUT ${TIMEOUT} COST 60
    SKIP_RETURN_CODE 77 ENVIRONMENT "${CROFT_TEST_ENVIRONMENT}")
endfunction()
