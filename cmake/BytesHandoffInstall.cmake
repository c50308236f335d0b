include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/bytes_handoff")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" "${bytes_handoff_generated_include}/"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

# An export set each, so that a part can be used where the other parts' needs are not found.
foreach(component core testing asio boost_asio)
  if(TARGET bytes_handoff_${component})
    install(TARGETS bytes_handoff_${component} EXPORT bytes_handoff_${component}_targets)
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
