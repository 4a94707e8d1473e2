# What the distribution provides. The first four are required; the rest is optional, and
# `hardy --version` says what a build has.
find_package(Threads REQUIRED)
find_package(Eigen3 3.3 REQUIRED NO_MODULE)
find_package(Boost 1.71 REQUIRED COMPONENTS program_options)
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)  # SHA-256 of files and checkpoints

set(HARDY_HAVE_MUJOCO OFF)
# Found by hand: the distribution's own CMake file names include folders of packages it does not need.
find_path(MUJOCO_INCLUDE_DIR mujoco/mujoco.h)
find_library(MUJOCO_LIBRARY mujoco)
if(MUJOCO_INCLUDE_DIR AND MUJOCO_LIBRARY)
  set(HARDY_HAVE_MUJOCO ON)
endif()

function(hardy_link_dependencies target)
  target_link_libraries(${target}
    PUBLIC Threads::Threads Boost::program_options nlohmann_json::nlohmann_json
    PRIVATE Eigen3::Eigen OpenSSL::Crypto ${HDF5_C_LIBRARIES})
  target_include_directories(${target} SYSTEM PRIVATE ${HDF5_C_INCLUDE_DIRS})
  if(HARDY_HAVE_MUJOCO)
    target_link_libraries(${target} PRIVATE ${MUJOCO_LIBRARY})
    target_include_directories(${target} SYSTEM PRIVATE ${MUJOCO_INCLUDE_DIR})
    target_compile_definitions(${target} PRIVATE HARDY_HAVE_MUJOCO=1)
  endif()
endfunction()
