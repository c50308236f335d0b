# bytes_handoff::core: compiled, knows no Asio.
# bytes_handoff::asio: the header-only shell over standalone Asio.
file(
  GLOB bytes_handoff_core_sources
  CONFIGURE_DEPENDS
  "${PROJECT_SOURCE_DIR}/src/*.cpp")

find_package(Threads REQUIRED)

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

find_package(StandaloneAsio)
if(TARGET StandaloneAsio::StandaloneAsio)
  add_library(bytes_handoff_asio INTERFACE)
  add_library(bytes_handoff::asio ALIAS bytes_handoff_asio)
  set_target_properties(bytes_handoff_asio PROPERTIES EXPORT_NAME asio)
  target_compile_definitions(bytes_handoff_asio INTERFACE BYTES_HANDOFF_STANDALONE_ASIO)
  target_link_libraries(bytes_handoff_asio INTERFACE bytes_handoff_core
                                                     StandaloneAsio::StandaloneAsio)
elseif(BYTES_HANDOFF_BUILD_TESTS OR BYTES_HANDOFF_BUILD_BENCH)
  message(FATAL_ERROR "Tests and benchmarks need the headers of standalone Asio "
                      "(Debian: libasio-dev)")
endif()
