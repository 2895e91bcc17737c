# Debian packages, by deploy/build-packages. Each is a component of the installation; what it holds beside the programs is
# made by deploy/packaging/generate.py.
set(PACKAGE_FILES ${CMAKE_BINARY_DIR}/packaging)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_custom_target(croft_package_files
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/deploy/packaging/generate.py ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}
          ${PACKAGE_FILES}
  DEPENDS croftd croft-agent croftctl croft_client_shared croft_python VERBATIM)

# croft_program_package(NAME): the program, its man page, its completions.
function(croft_program_package NAME)
  install(TARGETS ${NAME} RUNTIME DESTINATION bin COMPONENT ${NAME})
  install(FILES ${PACKAGE_FILES}/man/${NAME}.1.gz DESTINATION share/man/man1 COMPONENT ${NAME})
  install(DIRECTORY ${PACKAGE_FILES}/completions/${NAME}/ DESTINATION share COMPONENT ${NAME})
  install(DIRECTORY ${PACKAGE_FILES}/doc/${NAME} DESTINATION share/doc COMPONENT ${NAME})
endfunction()

# croft_daemon_package(NAME unit...): also its units and its configuration.
function(croft_daemon_package NAME)
  croft_program_package(${NAME})
  list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/deploy/systemd/ OUTPUT_VARIABLE UNITS)
  install(FILES ${UNITS} DESTINATION /lib/systemd/system COMPONENT ${NAME})
  install(FILES ${CMAKE_SOURCE_DIR}/deploy/config/${NAME}.toml DESTINATION /etc/croft COMPONENT ${NAME})
  install(DIRECTORY DESTINATION /etc/croft/${NAME}.conf.d COMPONENT ${NAME})
  file(WRITE ${CMAKE_BINARY_DIR}/conffiles/${NAME}/conffiles "/etc/croft/${NAME}.toml\n")
endfunction()

croft_daemon_package(croftd croftd.service)
croft_daemon_package(croft-agent croft-agent.service croft-postgres.service croft-postgres.path)
croft_program_package(croftctl)
# OPTIONAL: an installation by cmake --install has no need of them.
install(DIRECTORY ${PACKAGE_FILES}/doc/libcroft-client DESTINATION share/doc COMPONENT client OPTIONAL)
install(DIRECTORY ${PACKAGE_FILES}/doc/libcroft-client-dev DESTINATION share/doc COMPONENT client-dev OPTIONAL)
install(DIRECTORY ${CMAKE_BINARY_DIR}/python/croft DESTINATION lib/python3/dist-packages COMPONENT python
        PATTERN __pycache__ EXCLUDE PATTERN LICENSE EXCLUDE)
install(DIRECTORY ${PACKAGE_FILES}/doc/python3-croft DESTINATION share/doc COMPONENT python)

# Packing builds nothing: deploy/build-packages does, and only what packages hold.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME croft)
set(CPACK_PACKAGE_VENDOR Croft)
set(CPACK_PACKAGE_CONTACT "Croft developers <croft@croft.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL croftd croft-agent croftctl client client-dev python)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# croft_describe(COMPONENT PACKAGE SECTION SYNOPSIS TEXT)
macro(croft_describe COMPONENT PACKAGE SECTION SYNOPSIS TEXT)
  string(TOUPPER ${COMPONENT} UPPER)
  set(CPACK_DEBIAN_${UPPER}_PACKAGE_NAME ${PACKAGE})
  set(CPACK_DEBIAN_${UPPER}_PACKAGE_SECTION ${SECTION})
  set(CPACK_COMPONENT_${UPPER}_DESCRIPTION "${SYNOPSIS}\n${TEXT}")
  set(CPACK_DEBIAN_${UPPER}_PACKAGE_SHLIBDEPS ON)
endmacro()

set(CROFT_IS "Croft keeps one PostgreSQL database for each tenant of an application.")
croft_describe(croftd croftd database "control plane for database-per-tenant PostgreSQL"
  "${CROFT_IS}\nThis is its control plane, which knows where each lives.")
croft_describe(croft-agent croft-agent database "agent that drives the PostgreSQL server of one host"
  "${CROFT_IS}\nThis is the agent that makes, backs up and restores them on one database host.")
croft_describe(croftctl croftctl database "command line of a Croft control plane"
  "${CROFT_IS}\nThis is the command line for operators and scripts.")
croft_describe(client libcroft-client libs "finds the database of each tenant (library)"
  "${CROFT_IS}\nThis is the library that applications in C++ ask where a tenant lives.")
croft_describe(client-dev libcroft-client-dev libdevel "finds the database of each tenant (headers)"
  "${CROFT_IS}\nThese are the headers of the library that applications in C++ ask.")
croft_describe(python python3-croft python "finds the database of each tenant (Python)"
  "${CROFT_IS}\nThis is the library that applications in Python ask where a tenant lives.")

foreach(NAME croftd croft-agent)
  string(TOUPPER ${NAME} UPPER)
  set(CPACK_DEBIAN_${UPPER}_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/conffiles/${NAME}/conffiles)
  foreach(SCRIPT postinst prerm postrm)
    list(APPEND CPACK_DEBIAN_${UPPER}_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/deploy/debian/${NAME}/${SCRIPT})
  endforeach()
  set(CPACK_DEBIAN_${UPPER}_PACKAGE_DEPENDS "adduser")
endforeach()
# It reads the times of schedules by the clocks of their zones.
set(CPACK_DEBIAN_CROFTD_PACKAGE_DEPENDS "adduser, tzdata")
set(CPACK_DEBIAN_CROFT-AGENT_PACKAGE_DEPENDS "adduser, postgresql-client")
set(CPACK_DEBIAN_CROFT-AGENT_PACKAGE_RECOMMENDS "postgresql")
set(CPACK_DEBIAN_CROFTCTL_PACKAGE_RECOMMENDS "postgresql-client")
# CPack itself would call ldconfig in maintainer scripts.
file(WRITE ${CMAKE_BINARY_DIR}/shlibs/shlibs "libcroft-client ${PROJECT_VERSION_MAJOR} libcroft-client (>= ${PROJECT_VERSION})\n")
set(CPACK_DEBIAN_CLIENT_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/shlibs/shlibs
    ${CMAKE_SOURCE_DIR}/deploy/debian/libcroft-client/triggers)
set(CPACK_DEBIAN_CLIENT-DEV_PACKAGE_DEPENDS "libcroft-client (= ${PROJECT_VERSION}), libabsl-dev")
set(CPACK_DEBIAN_CLIENT-DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.11), python3-grpcio, python3-protobuf")
set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS "python3-nacl, python3-psycopg, python3-sqlalchemy, python3-django")
include(CPack)
