# Sanitizers, coverage and inter-procedural optimization: whole-program choices, so they are set
# for every target of the build tree.
if(BYTES_HANDOFF_SANITIZE MATCHES "^(address|fuzzer)$")
  # Without the check of every pointer for null, which AddressSanitizer sees as a fault anyway, and
  # without that of dynamic types: they double the time that Asio's templates take to compile.
  set(instrumentation -fsanitize=address,undefined -fno-sanitize=null,vptr
                      -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(BYTES_HANDOFF_SANITIZE STREQUAL "fuzzer")
    list(APPEND instrumentation -fsanitize=fuzzer-no-link)
  endif()
elseif(BYTES_HANDOFF_SANITIZE STREQUAL "thread")
  set(instrumentation -fsanitize=thread -fno-omit-frame-pointer)
  # ThreadSanitizer does not understand the fences that Asio would use.
  add_compile_definitions(ASIO_DISABLE_FENCED_BLOCK BOOST_ASIO_DISABLE_FENCED_BLOCK)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Tests replace operator new, of which Clang's static runtime lets nobody have another.
    execute_process(
      COMMAND "${CMAKE_CXX_COMPILER}"
              "-print-file-name=libclang_rt.tsan-${CMAKE_SYSTEM_PROCESSOR}.so"
      OUTPUT_VARIABLE runtime
      OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    cmake_path(GET runtime PARENT_PATH runtime_folder)
    add_link_options(-shared-libsan "LINKER:-rpath,${runtime_folder}")
  endif()
elseif(NOT BYTES_HANDOFF_SANITIZE STREQUAL "")
  message(FATAL_ERROR "BYTES_HANDOFF_SANITIZE is '${BYTES_HANDOFF_SANITIZE}': "
                      "it must be empty, address, thread or fuzzer")
endif()

if(BYTES_HANDOFF_COVERAGE)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "BYTES_HANDOFF_COVERAGE: needs Clang, whose branches are those of the source")
  endif()
  # Counters are updated from several threads. They are in a mapped file, so what a test counted
  # that ended its process is there, too.
  list(APPEND instrumentation -fprofile-instr-generate -fcoverage-mapping)
  add_compile_options(-fprofile-update=atomic "SHELL:-mllvm -runtime-counter-relocation")
endif()

# Whether AddressSanitizer sees this build, by the option above or by flags from outside.
include(CheckCXXSourceCompiles)
unset(BYTES_HANDOFF_POISONS CACHE)
list(JOIN instrumentation " " CMAKE_REQUIRED_FLAGS)
set(CMAKE_REQUIRED_QUIET ON)
check_cxx_source_compiles(
  "
  #if defined(__has_feature)
  #if __has_feature(address_sanitizer)
  #define BUILD_IS_SEEN
  #endif
  #endif
  #if !defined(BUILD_IS_SEEN) && !defined(__SANITIZE_ADDRESS__)
  #error
  #endif
  int main() {}
  "
  BYTES_HANDOFF_POISONS)
unset(CMAKE_REQUIRED_FLAGS)
unset(CMAKE_REQUIRED_QUIET)

add_compile_options(${instrumentation})
add_link_options(${instrumentation})

if(BYTES_HANDOFF_IPO)
  include(CheckIPOSupported)
  check_ipo_supported(LANGUAGES CXX)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()
