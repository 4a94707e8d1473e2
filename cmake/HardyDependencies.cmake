# What the distribution provides. The first four are required; the rest is optional, and
# `hardy --version` says what a build has.
find_package(Threads REQUIRED)
find_package(Eigen3 3.3 REQUIRED NO_MODULE)
find_package(Boost 1.71 REQUIRED COMPONENTS program_options)
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(nlohmann_json 3.9 REQUIRED)
# SHA-256 of files, checkpoints and policies: the function alone, out of libcrypto.a where the distribution has
# it, so that hardy_core needs no library but the C++ one.
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
set(HARDY_SHA256 OpenSSL::Crypto)
find_library(HARDY_STATIC_CRYPTO libcrypto.a)
mark_as_advanced(HARDY_STATIC_CRYPTO)
if(HARDY_STATIC_CRYPTO)
  set(HARDY_SHA256 "${HARDY_STATIC_CRYPTO}")
endif()
find_package(ZLIB REQUIRED)  # comes with HDF5

# libdeflate reads and writes gzip chunks two to three times as fast as zlib.
set(HARDY_HAVE_LIBDEFLATE OFF)
find_library(LIBDEFLATE_LIBRARY deflate)
find_path(LIBDEFLATE_INCLUDE_DIR libdeflate.h)
mark_as_advanced(LIBDEFLATE_LIBRARY LIBDEFLATE_INCLUDE_DIR)
if(LIBDEFLATE_LIBRARY AND LIBDEFLATE_INCLUDE_DIR)
  set(HARDY_HAVE_LIBDEFLATE ON)
endif()

# MuJoCo: looked up by hand, because Debian's package configuration names an include folder that no
# package ships. Another release is chosen with -DMUJOCO_LIBRARY=.../libmujoco.so.X
# -DMUJOCO_INCLUDE_DIR=.../include.
set(HARDY_HAVE_MUJOCO OFF)
find_library(MUJOCO_LIBRARY mujoco)
find_path(MUJOCO_INCLUDE_DIR mujoco/mujoco.h)
mark_as_advanced(MUJOCO_LIBRARY MUJOCO_INCLUDE_DIR)
if(MUJOCO_LIBRARY AND MUJOCO_INCLUDE_DIR)
  set(HARDY_HAVE_MUJOCO ON)
endif()

# MPI, for training across processes. Its libraries leak by design, so that builds that look for leaks go without.
set(HARDY_HAVE_MPI OFF)
if(NOT HARDY_SANITIZE)
  find_package(MPI QUIET COMPONENTS C)
  if(MPI_C_FOUND)
    set(HARDY_HAVE_MPI ON)
  endif()
endif()

function(hardy_link_dependencies target)
  target_link_libraries(${target}
    PUBLIC Threads::Threads Boost::program_options nlohmann_json::nlohmann_json
    PRIVATE Eigen3::Eigen ZLIB::ZLIB ${HDF5_C_LIBRARIES})
  target_include_directories(${target} SYSTEM PRIVATE ${HDF5_C_INCLUDE_DIRS})
  if(HARDY_HAVE_LIBDEFLATE)
    target_link_libraries(${target} PRIVATE "${LIBDEFLATE_LIBRARY}")
    target_include_directories(${target} SYSTEM PRIVATE "${LIBDEFLATE_INCLUDE_DIR}")
    target_compile_definitions(${target} PRIVATE HARDY_HAVE_LIBDEFLATE=1)
  endif()
  if(HARDY_HAVE_MUJOCO)
    target_link_libraries(${target} PRIVATE "${MUJOCO_LIBRARY}")
    target_include_directories(${target} SYSTEM PRIVATE "${MUJOCO_INCLUDE_DIR}")
    target_compile_definitions(${target} PRIVATE HARDY_HAVE_MUJOCO=1)
  endif()
endfunction()
