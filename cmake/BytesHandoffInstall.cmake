include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/bytes_handoff")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" "${bytes_handoff_generated_include}/"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

# An export set each, so that a part can be used where the other parts' needs are not found.
set(bytes_handoff_components "")
foreach(component core testing asio boost_asio)
  if(TARGET bytes_handoff_${component})
    list(APPEND bytes_handoff_components ${component})
    set(targets bytes_handoff_${component})
    if(TARGET bytes_handoff_${component}_coroutines)
      list(APPEND targets bytes_handoff_${component}_coroutines)
    endif()
    install(TARGETS ${targets} EXPORT bytes_handoff_${component}_targets)
    install(
      EXPORT bytes_handoff_${component}_targets
      FILE bytes_handoff-${component}-targets.cmake
      NAMESPACE bytes_handoff::
      DESTINATION "${package_dir}")
  endif()
endforeach()
if(TARGET bytes_handoff_asio)
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/FindStandaloneAsio.cmake" DESTINATION "${package_dir}")
endif()

list(JOIN bytes_handoff_components ", " bytes_handoff_components)
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/bytes_handoff-config.cmake.in"
  "${PROJECT_BINARY_DIR}/bytes_handoff-config.cmake"
  INSTALL_DESTINATION "${package_dir}"
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break its users.
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/bytes_handoff-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/bytes_handoff-config.cmake"
              "${PROJECT_BINARY_DIR}/bytes_handoff-config-version.cmake"
        DESTINATION "${package_dir}")

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# GDB loads a script that stands beside a shared library and has its name, if it may.
install(FILES "${bytes_handoff_gdb_script}" DESTINATION "${CMAKE_INSTALL_DATADIR}/bytes_handoff")
if(BUILD_SHARED_LIBS AND CMAKE_EXECUTABLE_FORMAT STREQUAL "ELF")
  install(
    FILES "${bytes_handoff_gdb_script}"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    RENAME "libbytes_handoff_core.so.${PROJECT_VERSION}-gdb.py")
endif()

# For pkg-config, a file for each component. They find their prefix from where they are.
cmake_path(IS_ABSOLUTE CMAKE_INSTALL_LIBDIR is_absolute)
if(is_absolute)
  set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
  set(pc_prefix "\${pcfiledir}/${pc_prefix}")
endif()
# bytes_handoff_install_pc(<component> <requires> <cflags> <libs> <description>)
function(bytes_handoff_install_pc component requires cflags libs description)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/component.pc.in"
                 "${PROJECT_BINARY_DIR}/generated/bytes_handoff-${component}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/generated/bytes_handoff-${component}.pc"
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()
bytes_handoff_install_pc(
  core "" "-DBYTES_HANDOFF_LINKED_BUILD=BYTES_HANDOFF_IS_BUILD_${bytes_handoff_build_macro}"
  "-lbytes_handoff_core -pthread" "Bytes, read buffers and the write queue's state machine, without Asio")
bytes_handoff_install_pc(
  testing "bytes_handoff-core = ${PROJECT_VERSION}" "" "-lbytes_handoff_testing"
  "The in-memory connection of bytes_handoff, for tests")
list(TRANSFORM bytes_handoff_socket_libraries PREPEND "-l" OUTPUT_VARIABLE socket_libraries)
list(JOIN socket_libraries " " socket_libraries)
if(TARGET bytes_handoff_asio)
  bytes_handoff_install_pc(
    asio "bytes_handoff-core = ${PROJECT_VERSION}" "-DBYTES_HANDOFF_STANDALONE_ASIO"
    "${socket_libraries}"
    "Read buffers and write queues on standalone Asio, whose headers must be found")
endif()
if(TARGET bytes_handoff_boost_asio)
  bytes_handoff_install_pc(
    boost_asio "bytes_handoff-core = ${PROJECT_VERSION}" "-DBYTES_HANDOFF_BOOST_ASIO"
    "${socket_libraries}"
    "Read buffers and write queues on Boost.Asio, whose headers must be found")
endif()
