# What the developer's own build adds when the machine has it: ccache and a fast linker. A project that includes bide keeps its own.
include(CheckLinkerFlag)

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_EXTENSIONS OFF)

find_program(BIDE_CCACHE ccache)
if(BIDE_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  # Without this sloppiness ccache gives up on every file that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${BIDE_CCACHE})
endif()

check_linker_flag(CXX -fuse-ld=lld BIDE_HAVE_LLD)
if(BIDE_HAVE_LLD)
  add_link_options(-fuse-ld=lld)
endif()
