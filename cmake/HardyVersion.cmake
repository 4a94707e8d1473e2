# generated/hardy_build.h: what this build is made from.
execute_process(COMMAND git -C "${CMAKE_CURRENT_SOURCE_DIR}" rev-parse --short=12 HEAD
  OUTPUT_VARIABLE HARDY_SOURCE_VERSION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT HARDY_SOURCE_VERSION)
  set(HARDY_SOURCE_VERSION "unknown")
endif()
# The ways from the library's folder to those of hardy_plugin_worker and gymnasium_worker.py.
file(RELATIVE_PATH HARDY_LIBEXEC_FROM_LIB "/${CMAKE_INSTALL_LIBDIR}" "/${CMAKE_INSTALL_LIBEXECDIR}/hardy")
file(RELATIVE_PATH HARDY_SHARE_FROM_LIB "/${CMAKE_INSTALL_LIBDIR}" "/${CMAKE_INSTALL_DATADIR}/hardy")
configure_file("${CMAKE_CURRENT_SOURCE_DIR}/cmake/hardy_build.h.in"
               "${CMAKE_CURRENT_BINARY_DIR}/generated/hardy_build.h" @ONLY)
