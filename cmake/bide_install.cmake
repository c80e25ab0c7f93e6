# Headers, libraries, find_package(bide) and pkg-config.
include(CMakePackageConfigHelpers)

set(bide_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/bide")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/bide" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(TARGETS bide bide_testing EXPORT bideTargets)
install(EXPORT bideTargets NAMESPACE bide:: DESTINATION "${bide_config_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/bideConfig.cmake.in" "${PROJECT_BINARY_DIR}/bideConfig.cmake"
  INSTALL_DESTINATION "${bide_config_dir}")
# 0.x promises nothing between minor versions.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/bideConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/bideConfig.cmake" "${PROJECT_BINARY_DIR}/bideConfigVersion.cmake"
  DESTINATION "${bide_config_dir}")

set(BIDE_PC_CFLAGS "")
if(BIDE_CHECKED)
  string(APPEND BIDE_PC_CFLAGS " -DBIDE_CHECKED=1")
endif()
# A static archive needs its dependencies on every link line, so they are not "private" then.
set(BIDE_PC_REQUIRES "")
set(BIDE_PC_REQUIRES_PRIVATE "")
set(requires "")
if(LIBURING_FOUND)
  list(APPEND requires liburing)
endif()
if(BIDE_TLS)
  list(APPEND requires "libssl >= 3.0" "libcrypto >= 3.0")
endif()
list(JOIN requires ", " requires)
if(BUILD_SHARED_LIBS)
  set(BIDE_PC_REQUIRES_PRIVATE "${requires}")
else()
  set(BIDE_PC_REQUIRES "${requires}")
endif()
# The prefix is found from the .pc file's own place, so that `cmake --install --prefix` and a moved tree both work.
file(RELATIVE_PATH BIDE_PC_UP "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" BIDE_PC_UP "${BIDE_PC_UP}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/bide.pc.in" "${PROJECT_BINARY_DIR}/bide.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/bide.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
