# bytes_handoff::core: compiled, knows no Asio.
# bytes_handoff::asio, bytes_handoff::boost_asio: the header-only shell over standalone Asio, and over
# Boost.Asio. One translation unit links one of them.
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

# Apart from the others, so that a program may have a pool of its own: a test's that keeps nothing.
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/memory/pool.cpp"
                            PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
add_library(bytes_handoff_core STATIC ${bytes_handoff_core_sources})
add_library(bytes_handoff::core ALIAS bytes_handoff_core)
set_target_properties(bytes_handoff_core PROPERTIES EXPORT_NAME core POSITION_INDEPENDENT_CODE ON)
target_include_directories(
  bytes_handoff_core
  PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
         "$<BUILD_INTERFACE:${bytes_handoff_generated_include}>"
         "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_link_libraries(
  bytes_handoff_core
  PUBLIC Threads::Threads
  PRIVATE "$<BUILD_INTERFACE:bytes_handoff_warnings>")
if(BYTES_HANDOFF_EXPECTED_IS_STD)
  target_compile_features(bytes_handoff_core PUBLIC cxx_std_23)
else()
  target_compile_features(bytes_handoff_core PUBLIC cxx_std_20)
  target_link_libraries(bytes_handoff_core PUBLIC tl::expected)
endif()

add_library(bytes_handoff_testing STATIC ${bytes_handoff_testing_sources})
add_library(bytes_handoff::testing ALIAS bytes_handoff_testing)
set_target_properties(bytes_handoff_testing PROPERTIES EXPORT_NAME testing
                                                       POSITION_INDEPENDENT_CODE ON)
target_link_libraries(
  bytes_handoff_testing
  PUBLIC bytes_handoff_core
  PRIVATE "$<BUILD_INTERFACE:bytes_handoff_warnings>")

# bytes_handoff_add_shell(<flavour> <definition> <target of the Asio headers>)
function(bytes_handoff_add_shell flavour definition asio_headers)
  add_library(bytes_handoff_${flavour} INTERFACE)
  add_library(bytes_handoff::${flavour} ALIAS bytes_handoff_${flavour})
  set_target_properties(bytes_handoff_${flavour} PROPERTIES EXPORT_NAME ${flavour})
  target_compile_definitions(bytes_handoff_${flavour} INTERFACE ${definition})
  target_link_libraries(bytes_handoff_${flavour} INTERFACE bytes_handoff_core ${asio_headers})
endfunction()

find_package(StandaloneAsio)
if(TARGET StandaloneAsio::StandaloneAsio)
  bytes_handoff_add_shell(asio BYTES_HANDOFF_STANDALONE_ASIO StandaloneAsio::StandaloneAsio)
elseif(BYTES_HANDOFF_BUILD_TESTS OR BYTES_HANDOFF_BUILD_BENCH)
  message(FATAL_ERROR "Tests and benchmarks need the headers of standalone Asio "
                      "(Debian: libasio-dev)")
endif()

# Boost.Asio and Boost.System are headers only: no library of Boost is linked.
set(BYTES_HANDOFF_LEAST_BOOST 1.81)
find_package(Boost ${BYTES_HANDOFF_LEAST_BOOST} CONFIG)
if(TARGET Boost::headers)
  bytes_handoff_add_shell(boost_asio BYTES_HANDOFF_BOOST_ASIO Boost::headers)
elseif(BYTES_HANDOFF_BUILD_TESTS)
  message(FATAL_ERROR "Tests need the headers of Boost ${BYTES_HANDOFF_LEAST_BOOST} or later "
                      "(Debian: libboost1.81-dev)")
endif()
