# bide_add_test(core/task_test): builds tests/core/task_test.cpp into one program and registers it with ctest as
#   core.task@epoll  core.task@io_uring   the same program, once per backend
#   core.task@shuffle                     once more with the ready queue in random order; the program prints its seed
# Keywords ONCE and NO_SHUFFLE, or the lines `// bide-test: once` and `// bide-test: no-shuffle` among the first ten of the
# file, register less: ONCE a single `core.task`, NO_SHUFFLE no third entry. `// bide-test: uses glib-2.0` links what
# pkg-config knows by that name; ./dev installs it.
find_package(GTest REQUIRED)

# One precompiled header for all tests: GoogleTest is most of what each of them compiles.
add_library(bide_test_main OBJECT "${PROJECT_SOURCE_DIR}/tests/support/main.cpp")
target_link_libraries(bide_test_main PUBLIC bide::bide bide::testing GTest::gtest)
target_include_directories(bide_test_main PUBLIC "${PROJECT_SOURCE_DIR}/tests" "${PROJECT_SOURCE_DIR}/src")
target_precompile_headers(bide_test_main PRIVATE
  <gtest/gtest.h> <chrono> <coroutine> <functional> <memory> <optional> <string> <system_error> <thread> <vector>)
# Without a time stamp inside it ccache can reuse it.
target_compile_options(bide_test_main PRIVATE "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>")
bide_warnings(bide_test_main)

set(bide_backends epoll)
if(LIBURING_FOUND)
  list(APPEND bide_backends io_uring)
endif()

# A program that finds the asked-for backend missing on this kernel exits with 77: skipped, and counted as such.
function(bide_register_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "COMMAND;ENV;LABELS")
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77 ENVIRONMENT "${arg_ENV}" LABELS "${arg_LABELS}")
endfunction()

function(bide_add_test path)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ONCE;NO_SHUFFLE" "" "")
  cmake_path(GET path PARENT_PATH layer)
  cmake_path(GET path STEM file)
  string(REGEX REPLACE "_test$" "" name "${layer}.${file}")
  string(REPLACE "/" "." name "${name}")
  set(source "${PROJECT_SOURCE_DIR}/tests/${layer}/${file}.cpp")

  set(packages "")
  file(STRINGS "${source}" marks LIMIT_COUNT 10 REGEX "^// bide-test: ")
  foreach(mark IN LISTS marks)
    if(mark STREQUAL "// bide-test: once")
      set(arg_ONCE ON)
    elseif(mark STREQUAL "// bide-test: no-shuffle")
      set(arg_NO_SHUFFLE ON)
    elseif(mark MATCHES "^// bide-test: uses ([a-z0-9.+-]+)$")
      list(APPEND packages "${CMAKE_MATCH_1}")
    else()
      message(FATAL_ERROR "tests/${path}.cpp: unknown mark '${mark}': write `once`, `no-shuffle` or `uses PACKAGE`")
    endif()
  endforeach()

  set(target "test.${name}")
  add_executable(${target} "${source}")
  set_target_properties(${target} PROPERTIES OUTPUT_NAME "${file}" RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/${layer}")
  target_link_libraries(${target} PRIVATE bide_test_main)
  target_precompile_headers(${target} REUSE_FROM bide_test_main)
  bide_warnings(${target})
  foreach(package IN LISTS packages)
    pkg_check_modules(test.${package} REQUIRED IMPORTED_TARGET ${package})
    target_link_libraries(${target} PRIVATE PkgConfig::test.${package})
  endforeach()

  if(arg_ONCE)
    bide_register_test(${name} COMMAND ${target} LABELS ${layer})
    return()
  endif()
  foreach(backend IN LISTS bide_backends)
    bide_register_test(${name}@${backend} COMMAND ${target} ENV BIDE_BACKEND=${backend} LABELS ${layer})
  endforeach()
  if(NOT arg_NO_SHUFFLE)
    bide_register_test(${name}@shuffle COMMAND ${target} ENV BIDE_SHUFFLE=random LABELS ${layer})
  endif()
endfunction()
