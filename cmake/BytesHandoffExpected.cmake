# Decides what bytes_handoff::expected is, once, here: the choice is part of the library's ABI and
# is written into the generated package_config.hpp, so that a consumer's language mode cannot
# change it. What is installed on this machine does not change it, either.
if(BYTES_HANDOFF_EXPECTED STREQUAL "tl")
  set(BYTES_HANDOFF_EXPECTED_IS_STD 0)
  find_package(tl-expected QUIET)
  if(NOT TARGET tl::expected)
    message(FATAL_ERROR "bytes_handoff::expected is tl::expected, and the package tl-expected was not "
                        "found: install it (Debian: libexpected-dev), or, if all users are compiled as "
                        "C++23 or later, choose -DBYTES_HANDOFF_EXPECTED=std")
  endif()
elseif(BYTES_HANDOFF_EXPECTED STREQUAL "std")
  set(BYTES_HANDOFF_EXPECTED_IS_STD 1)
  # Some compilers have C++23 and the header <expected>, and the type only in part.
  include(CheckCXXSourceCompiles)
  block()
    set(CMAKE_CXX_STANDARD 23)
    set(CMAKE_REQUIRED_QUIET ON)
    unset(BYTES_HANDOFF_HAS_STD_EXPECTED CACHE)
    if("cxx_std_23" IN_LIST CMAKE_CXX_COMPILE_FEATURES)
      check_cxx_source_compiles(
        "
        #include <expected>
        #if !defined(__cpp_lib_expected)
        #error
        #endif
        int main() {}
        "
        BYTES_HANDOFF_HAS_STD_EXPECTED)
    endif()
  endblock()
  if(NOT BYTES_HANDOFF_HAS_STD_EXPECTED)
    message(FATAL_ERROR "BYTES_HANDOFF_EXPECTED is std, and this compiler and its library do not have "
                        "std::expected: choose -DBYTES_HANDOFF_EXPECTED=tl (Debian: libexpected-dev)")
  endif()
  # The project's own programs are such users.
  if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_STANDARD)
    set(CMAKE_CXX_STANDARD 23)
  endif()
else()
  message(FATAL_ERROR "BYTES_HANDOFF_EXPECTED is '${BYTES_HANDOFF_EXPECTED}': it must be tl or std")
endif()
message(STATUS "bytes_handoff::expected is ${BYTES_HANDOFF_EXPECTED}::expected")

# The name of what must be the same in all of a program.
set(bytes_handoff_build
    "${PROJECT_VERSION_MAJOR}_${PROJECT_VERSION_MINOR}_${PROJECT_VERSION_PATCH}_${BYTES_HANDOFF_EXPECTED}")
if(BYTES_HANDOFF_CHECKS)
  string(APPEND bytes_handoff_build _checks)
endif()
if(BYTES_HANDOFF_POISONS)
  string(APPEND bytes_handoff_build _poisons)
endif()

string(TOUPPER "${bytes_handoff_build}" bytes_handoff_build_macro)

set(bytes_handoff_generated_include "${PROJECT_BINARY_DIR}/generated/include")
configure_file("${PROJECT_SOURCE_DIR}/cmake/package_config.hpp.in"
               "${bytes_handoff_generated_include}/bytes_handoff/core/support/package_config.hpp" @ONLY)
