# bytes_handoff_warnings: what the project's own targets are compiled with. Link it PRIVATE; it is
# never exported.
add_library(bytes_handoff_warnings INTERFACE)
target_compile_options(
  bytes_handoff_warnings
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wsign-conversion
            -Wnon-virtual-dtor
            -Wold-style-cast
            -Woverloaded-virtual
            $<$<BOOL:${BYTES_HANDOFF_WARNINGS_AS_ERRORS}>:-Werror>)

# GCC 12 with sanitizers sees uninitialized members in Asio's use_future that are not.
if(BYTES_HANDOFF_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(bytes_handoff_warnings INTERFACE -Wno-maybe-uninitialized)
endif()

# Clang sees that the stable_sort of libstdc++ 12 uses what that library deprecates.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(bytes_handoff_warnings INTERFACE -Wno-deprecated-declarations)
endif()

# GCC 15, and 14 on Windows, see Asio free a coroutine's frame otherwise than it was allocated, where
# they inline one of the two.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 14)
  target_compile_options(bytes_handoff_warnings INTERFACE -Wno-mismatched-new-delete)
endif()
