# Decides what bytes_handoff::expected is, once, here: the choice is part of the library's ABI and
# is written into the generated package_config.hpp, so that a consumer's language mode cannot
# change it.
if(NOT BYTES_HANDOFF_EXPECTED MATCHES "^(auto|tl|std)$")
  message(FATAL_ERROR "BYTES_HANDOFF_EXPECTED is '${BYTES_HANDOFF_EXPECTED}': "
                      "it must be auto, tl or std")
endif()

if(NOT BYTES_HANDOFF_EXPECTED STREQUAL "std")
  find_package(tl-expected QUIET)
endif()

if(BYTES_HANDOFF_EXPECTED STREQUAL "tl" AND NOT TARGET tl::expected)
  message(FATAL_ERROR "BYTES_HANDOFF_EXPECTED is tl, and the package tl-expected was not found "
                      "(Debian: libexpected-dev)")
endif()

if(TARGET tl::expected)
  set(bytes_handoff_expected tl)
  set(BYTES_HANDOFF_EXPECTED_IS_STD 0)
elseif("cxx_std_23" IN_LIST CMAKE_CXX_COMPILE_FEATURES)
  set(bytes_handoff_expected std)
  set(BYTES_HANDOFF_EXPECTED_IS_STD 1)
else()
  message(FATAL_ERROR "No expected type: install tl-expected (Debian: libexpected-dev), or use a "
                      "compiler that has C++23's std::expected")
endif()

message(STATUS "bytes_handoff::expected is ${bytes_handoff_expected}::expected")
set(bytes_handoff_generated_include "${PROJECT_BINARY_DIR}/generated/include")
configure_file("${PROJECT_SOURCE_DIR}/cmake/package_config.hpp.in"
               "${bytes_handoff_generated_include}/bytes_handoff/core/support/package_config.hpp" @ONLY)
