# Installs into an empty prefix: what an earlier run left there must not help this one.
file(REMOVE_RECURSE "${prefix}")
execute_process(COMMAND ${CMAKE_COMMAND} --install "${build}" --prefix "${prefix}" COMMAND_ERROR_IS_FATAL ANY)
