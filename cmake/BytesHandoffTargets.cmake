# bytes_handoff::core: compiled, knows no Asio.
# bytes_handoff::asio, bytes_handoff::boost_asio: the header-only shell over standalone Asio, and over
# Boost.Asio. One translation unit links one of them. Neither defines a macro of Asio's.
# bytes_handoff::asio_coroutines, bytes_handoff::boost_asio_coroutines: the same, and what a compiler
# must be told so that Asio has coroutines.
# bytes_handoff::testing: what <bytes_handoff/testing/duplex.hpp> needs besides one of these. Compiled once
# for both.
file(
  GLOB_RECURSE bytes_handoff_core_sources
  CONFIGURE_DEPENDS
  "${PROJECT_SOURCE_DIR}/src/*.cpp")
list(FILTER bytes_handoff_core_sources EXCLUDE REGEX "/src/pipe/")
file(
  GLOB
  bytes_handoff_testing_sources
  CONFIGURE_DEPENDS
  "${PROJECT_SOURCE_DIR}/src/pipe/*.cpp")

find_package(Threads REQUIRED)

set(BYTES_HANDOFF_LEAST_ASIO 1.22)
set(BYTES_HANDOFF_LEAST_BOOST 1.81)

# Static, or shared where BUILD_SHARED_LIBS is on. Tests replace parts of the library.
if(BUILD_SHARED_LIBS AND BYTES_HANDOFF_BUILD_TESTS)
  message(FATAL_ERROR "The tests need the static library: turn BUILD_SHARED_LIBS or "
                      "BYTES_HANDOFF_BUILD_TESTS off")
endif()

# A shared library shows the library's own names, and no other.
set(bytes_handoff_map "${PROJECT_BINARY_DIR}/generated/bytes_handoff.map")
configure_file("${PROJECT_SOURCE_DIR}/cmake/bytes_handoff.map.in" "${bytes_handoff_map}" @ONLY)

# bytes_handoff_compiled_target(<component>): what both compiled targets have.
function(bytes_handoff_compiled_target component)
  set(target bytes_handoff_${component})
  add_library(bytes_handoff::${component} ALIAS ${target})
  set_target_properties(
    ${target}
    PROPERTIES EXPORT_NAME ${component}
               POSITION_INDEPENDENT_CODE ON
               VERSION ${PROJECT_VERSION}
               # Every object refers to its exact build.
               SOVERSION ${PROJECT_VERSION}
               # For a user of two packages: CMake refuses to link both.
               INTERFACE_BYTES_HANDOFF_EXPECTED ${BYTES_HANDOFF_EXPECTED}
               COMPATIBLE_INTERFACE_STRING BYTES_HANDOFF_EXPECTED)
  target_link_libraries(${target} PRIVATE "$<BUILD_INTERFACE:bytes_handoff_warnings>")
  if(BUILD_SHARED_LIBS AND CMAKE_EXECUTABLE_FORMAT STREQUAL "ELF")
    target_link_options(${target} PRIVATE "LINKER:--version-script=${bytes_handoff_map}")
    set_target_properties(${target} PROPERTIES LINK_DEPENDS "${bytes_handoff_map}")
  endif()
endfunction()

# Apart from the others, so that a program may have a pool of its own: a test's that keeps nothing.
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/memory/pool.cpp"
                            PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
add_library(bytes_handoff_core ${bytes_handoff_core_sources})
bytes_handoff_compiled_target(core)
target_include_directories(
  bytes_handoff_core
  PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
         "$<BUILD_INTERFACE:${bytes_handoff_generated_include}>"
         "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_compile_definitions(
  bytes_handoff_core
  INTERFACE BYTES_HANDOFF_LINKED_BUILD=BYTES_HANDOFF_IS_BUILD_${bytes_handoff_build_macro})
# A minimum, also with std::expected: a header says what that needs, and changes no language mode.
target_compile_features(bytes_handoff_core PUBLIC cxx_std_20)
target_link_libraries(bytes_handoff_core PUBLIC Threads::Threads)
if(BYTES_HANDOFF_EXPECTED_IS_STD)
  target_compile_features(bytes_handoff_core PRIVATE cxx_std_23)
else()
  target_link_libraries(bytes_handoff_core PUBLIC tl::expected)
endif()

add_library(bytes_handoff_testing ${bytes_handoff_testing_sources})
bytes_handoff_compiled_target(testing)
target_link_libraries(bytes_handoff_testing PUBLIC bytes_handoff_core)
if(BYTES_HANDOFF_EXPECTED_IS_STD)
  target_compile_features(bytes_handoff_testing PRIVATE cxx_std_23)
endif()

# Where Asio's sockets and pipes need libraries that a linker must be told of.
set(bytes_handoff_socket_libraries "")
if(WIN32)
  set(bytes_handoff_socket_libraries ws2_32 mswsock bcrypt)
endif()

# bytes_handoff_add_shell(<flavour> <definition> <target of the Asio headers>)
function(bytes_handoff_add_shell flavour definition asio_headers)
  foreach(name IN ITEMS ${flavour} ${flavour}_coroutines)
    add_library(bytes_handoff_${name} INTERFACE)
    add_library(bytes_handoff::${name} ALIAS bytes_handoff_${name})
    set_target_properties(bytes_handoff_${name} PROPERTIES EXPORT_NAME ${name})
  endforeach()
  target_compile_definitions(bytes_handoff_${flavour} INTERFACE ${definition})
  target_link_libraries(bytes_handoff_${flavour} INTERFACE bytes_handoff_core ${asio_headers}
                                                           ${bytes_handoff_socket_libraries})
  target_link_libraries(bytes_handoff_${flavour}_coroutines INTERFACE bytes_handoff_${flavour})
endfunction()

find_package(StandaloneAsio ${BYTES_HANDOFF_LEAST_ASIO})
if(TARGET StandaloneAsio::StandaloneAsio)
  bytes_handoff_add_shell(asio BYTES_HANDOFF_STANDALONE_ASIO StandaloneAsio::StandaloneAsio)
  # Asio 1.22 does not see by itself that Clang has them; later ones do, and take the same names.
  target_compile_definitions(
    bytes_handoff_asio_coroutines
    INTERFACE "$<$<CXX_COMPILER_ID:Clang,AppleClang>:ASIO_HAS_CO_AWAIT;ASIO_HAS_STD_COROUTINE>")
elseif(BYTES_HANDOFF_BUILD_TESTS OR BYTES_HANDOFF_BUILD_BENCH)
  message(FATAL_ERROR "Tests and benchmarks need the headers of standalone Asio "
                      "(Debian: libasio-dev)")
else()
  message(STATUS "bytes_handoff::asio is left out: the headers of standalone Asio were not found "
                 "(Debian: libasio-dev)")
endif()

# Boost.Asio and Boost.System are headers only: no library of Boost is linked. Boost.Asio sees all
# compilers' coroutines by itself.
find_package(Boost ${BYTES_HANDOFF_LEAST_BOOST} QUIET CONFIG)
if(TARGET Boost::headers)
  bytes_handoff_add_shell(boost_asio BYTES_HANDOFF_BOOST_ASIO Boost::headers)
elseif(BYTES_HANDOFF_BUILD_TESTS)
  message(FATAL_ERROR "Tests need the headers of Boost ${BYTES_HANDOFF_LEAST_BOOST} or later "
                      "(Debian: libboost1.81-dev)")
else()
  message(STATUS "bytes_handoff::boost_asio is left out: the headers of Boost "
                 "${BYTES_HANDOFF_LEAST_BOOST} were not found (Debian: libboost1.81-dev)")
endif()
