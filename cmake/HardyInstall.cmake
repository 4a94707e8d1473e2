# `cmake --install`: the libraries, their headers, the command, and what find_package(hardy) needs.
include(CMakePackageConfigHelpers)
install(TARGETS hardy_core EXPORT hardyCoreTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS hardy EXPORT hardyTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(HARDY_HAVE_MPI)
  install(TARGETS hardy_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(TARGETS hardy_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS hardy_plugin_worker RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/hardy)
foreach(folder engine envs datasets algorithms)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hardy FILES_MATCHING PATTERN "*.h")
endforeach()
install(DIRECTORY tools/report DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hardy/tools FILES_MATCHING PATTERN "*.h")
install(FILES tools/api/hardy.h envs/plugin/plugin.h envs/plugin/losses.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hardy)
install(FILES envs/gymnasium/worker.py DESTINATION ${CMAKE_INSTALL_DATADIR}/hardy RENAME gymnasium_worker.py)
install(DIRECTORY examples/point_mass examples/act DESTINATION ${CMAKE_INSTALL_DATADIR}/hardy/examples)
install(DIRECTORY datasets/behaviours DESTINATION ${CMAKE_INSTALL_DATADIR}/hardy)
# pkg-config, for simulators in C; the prefix is where the files lie.
file(RELATIVE_PATH HARDY_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
foreach(name hardy_core hardy)
  configure_file("cmake/${name}.pc.in" "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/generated/hardy_build.h"
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hardy)
install(EXPORT hardyCoreTargets NAMESPACE hardy:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hardy)
install(EXPORT hardyTargets NAMESPACE hardy:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hardy)
configure_package_config_file(cmake/hardyConfig.cmake.in
  "${CMAKE_CURRENT_BINARY_DIR}/hardyConfig.cmake"
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hardy
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/hardyConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/hardyConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/hardyConfigVersion.cmake"
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hardy)
