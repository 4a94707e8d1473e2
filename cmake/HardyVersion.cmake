# generated/hardy_build.h: what this build is made from.
execute_process(COMMAND git -C "${CMAKE_CURRENT_SOURCE_DIR}" rev-parse --short=12 HEAD
  OUTPUT_VARIABLE HARDY_SOURCE_VERSION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT HARDY_SOURCE_VERSION)
  set(HARDY_SOURCE_VERSION "unknown")
endif()
# The way from the library's folder to that of hardy_plugin_worker.
file(RELATIVE_PATH HARDY_LIBEXEC_FROM_LIB "/${CMAKE_INSTALL_LIBDIR}" "/${CMAKE_INSTALL_LIBEXECDIR}/hardy")
configure_file("${CMAKE_CURRENT_SOURCE_DIR}/cmake/hardy_build.h.in"
               "${CMAKE_CURRENT_BINARY_DIR}/generated/hardy_build.h" @ONLY)
