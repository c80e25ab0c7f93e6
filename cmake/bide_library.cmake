# bide::bide and bide::testing. Sources are globbed, so that a new operation or class is one new file and no edited list.
find_package(Threads REQUIRED)
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(LIBURING QUIET liburing)
endif()
# Header-only; what it packs for worker processes is in the public <bide/process_pool.hpp>, so users of that need it too.
find_path(BIDE_CEREAL_INCLUDE_DIR cereal/cereal.hpp)
if(NOT BIDE_CEREAL_INCLUDE_DIR)
  message(FATAL_ERROR "bide: cereal not found (Debian: libcereal-dev); elsewhere set BIDE_CEREAL_INCLUDE_DIR to the folder above cereal/")
endif()
option(BIDE_TLS "TLS with OpenSSL; without it every use of tls_context throws" ON)
if(BIDE_TLS)
  find_package(OpenSSL 3.0 REQUIRED COMPONENTS SSL Crypto)
endif()

# Warnings for our own code only; they never reach a user's compile line.
function(bide_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Wcast-qual
    $<$<BOOL:${BIDE_WERROR}>:-Werror>)
endfunction()

function(bide_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  if(NOT arg_SOURCES)
    set(arg_SOURCES "${PROJECT_BINARY_DIR}/${target}_empty.cpp")
    file(CONFIGURE OUTPUT "${arg_SOURCES}" CONTENT "// no source files yet\n" @ONLY)
  endif()
  add_library(${target} ${arg_SOURCES})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target}
    PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>"
    PRIVATE "${PROJECT_SOURCE_DIR}/src")
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  bide_warnings(${target})
endfunction()

file(GLOB_RECURSE bide_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.cpp")
set(bide_testing_sources ${bide_sources})
list(FILTER bide_sources EXCLUDE REGEX "/src/testing/")
list(FILTER bide_testing_sources INCLUDE REGEX "/src/testing/")
if(NOT LIBURING_FOUND)
  message(STATUS "bide: liburing not found, building with epoll only")
  list(FILTER bide_sources EXCLUDE REGEX "/src/os/uring_[^/]*$")
endif()
if(BIDE_TLS)
  list(FILTER bide_sources EXCLUDE REGEX "/src/net/no_tls.cpp$")
else()
  list(FILTER bide_sources EXCLUDE REGEX "/src/net/tls_(bio|context|ending|engine|handshake|stream|verify).cpp$")
endif()

bide_library(bide SOURCES ${bide_sources})
add_library(bide::bide ALIAS bide)
# <bide/process_pool.hpp> gives each program that includes it a function that linkers look for in every program; see
# docs/design/worker-start.md. In a member of the library it would get into all of them.
set(bide_system_sources ${bide_sources})
list(FILTER bide_system_sources INCLUDE REGEX "/src/system/")
set_source_files_properties(${bide_system_sources} PROPERTIES COMPILE_DEFINITIONS BIDE_NO_WORKER_START=1)
target_link_libraries(bide PUBLIC Threads::Threads)
# GCC turns symmetric transfer into a tail call only with this flag (on by default from -O2); without it a long chain of
# synchronously completing awaits overflows the stack. It must hold for the user's coroutines too, hence PUBLIC.
target_compile_options(bide PUBLIC "$<$<CXX_COMPILER_ID:GNU>:-foptimize-sibling-calls>")
if(BIDE_CHECKED)
  target_compile_definitions(bide PUBLIC BIDE_CHECKED=1)   # public: inline code in the headers must agree with the library
  # With libbacktrace, which comes with GCC, reports name the line where a coroutine was made; see src/base/code_places.cpp.
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES backtrace)
  check_cxx_source_compiles(
    "extern \"C\" void* backtrace_create_state(...); int main() { return backtrace_create_state() == nullptr; }"
    BIDE_HAVE_LIBBACKTRACE)
  unset(CMAKE_REQUIRED_LIBRARIES)
  if(BIDE_HAVE_LIBBACKTRACE)
    target_link_libraries(bide PUBLIC
      "$<BUILD_INTERFACE:-Wl,-u,backtrace_create_state,-u,backtrace_pcinfo>" "$<BUILD_INTERFACE:backtrace>")
  endif()
endif()
if(LIBURING_FOUND)
  target_compile_definitions(bide PRIVATE BIDE_HAVE_LIBURING=1)
  target_include_directories(bide SYSTEM PRIVATE ${LIBURING_INCLUDE_DIRS})
  target_link_directories(bide PRIVATE ${LIBURING_LIBRARY_DIRS})
  target_link_libraries(bide PRIVATE ${LIBURING_LIBRARIES})
endif()
target_include_directories(bide SYSTEM PUBLIC "$<BUILD_INTERFACE:${BIDE_CEREAL_INCLUDE_DIR}>")
if(BIDE_TLS)
  target_link_libraries(bide PRIVATE OpenSSL::SSL OpenSSL::Crypto)
endif()

bide_library(bide_testing SOURCES ${bide_testing_sources})
add_library(bide::testing ALIAS bide_testing)
set_target_properties(bide_testing PROPERTIES EXPORT_NAME testing)
target_link_libraries(bide_testing PUBLIC bide)
if(NOT BIDE_INSTALL)
  set_target_properties(bide_testing PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
