# The CUDA toolkit, where there is one: nvcc on PATH, under CUDA_HOME or /usr/local/cuda, or the wheels that
# tools/setup --tests puts into build/cuda. HARDY_CUDA builds the GPU's half; by default where nvcc is.
#   -DHARDY_CUDA=ON|OFF|AUTO
#   -DHARDY_CUDA_ARCHITECTURES=90       one real architecture plus PTX (default: short builds)
#   -DHARDY_CUDA_ARCHITECTURES=release  sm_75 to sm_120, and PTX for what comes later
#   -DHARDY_CUDA_ARCHITECTURES=native   the GPU of this machine
file(GLOB HARDY_CUDA_WHEELS "${PROJECT_SOURCE_DIR}/build/cuda/nvidia/cu*/bin")
find_program(HARDY_NVCC nvcc HINTS "${CUDAToolkit_ROOT}/bin" "$ENV{CUDA_HOME}/bin"
             PATHS /usr/local/cuda/bin ${HARDY_CUDA_WHEELS})
mark_as_advanced(HARDY_NVCC)
set(HARDY_CUDA_ARCHITECTURES "90" CACHE STRING "real architectures to compile kernels for: a list, release or native")

set(HARDY_CUDA_DEFAULT OFF)
if(HARDY_NVCC AND NOT HARDY_SANITIZE)
  set(HARDY_CUDA_DEFAULT ON)
endif()
# AUTO is decided anew each time, so that an nvcc that was installed later is used.
set(HARDY_CUDA "AUTO" CACHE STRING "build the CUDA backend with nvcc: ON, OFF or AUTO (where there is one)")
if(HARDY_CUDA STREQUAL "AUTO")
  set(HARDY_CUDA ${HARDY_CUDA_DEFAULT})
endif()
if(HARDY_CUDA AND NOT HARDY_NVCC)
  message(FATAL_ERROR "HARDY_CUDA=ON, but there is no nvcc on PATH, in $CUDA_HOME/bin or /usr/local/cuda/bin; "
    "Debian's package is nvidia-cuda-toolkit, and tools/setup --tests installs NVIDIA's wheels")
endif()
if(NOT HARDY_NVCC)
  return()
endif()

cmake_path(GET HARDY_NVCC PARENT_PATH HARDY_CUDA_ROOT)
cmake_path(GET HARDY_CUDA_ROOT PARENT_PATH HARDY_CUDA_ROOT)
find_library(HARDY_CUDART NAMES libcudart_static.a PATHS "${HARDY_CUDA_ROOT}/lib64" "${HARDY_CUDA_ROOT}/lib" NO_DEFAULT_PATH)
# The wheels have libraries by their full names alone.
find_library(HARDY_CUBLASLT NAMES libcublasLt.so libcublasLt.so.13 PATHS "${HARDY_CUDA_ROOT}/lib64" "${HARDY_CUDA_ROOT}/lib" NO_DEFAULT_PATH)
# NCCL, for several GPUs: the toolkit's, NVIDIA's package, or the wheel beside those of the toolkit.
set(HARDY_NCCL_WHEEL "${PROJECT_SOURCE_DIR}/build/cuda/nvidia/nccl")
find_path(HARDY_NCCL_INCLUDE nccl.h PATHS "${HARDY_CUDA_ROOT}/include" "${HARDY_NCCL_WHEEL}/include")
find_library(HARDY_NCCL NAMES libnccl.so libnccl.so.2 PATHS "${HARDY_CUDA_ROOT}/lib64" "${HARDY_CUDA_ROOT}/lib" "${HARDY_NCCL_WHEEL}/lib")
mark_as_advanced(HARDY_CUDART HARDY_CUBLASLT HARDY_NCCL HARDY_NCCL_INCLUDE)

if(HARDY_CUDA_ARCHITECTURES STREQUAL "release")
  set(HARDY_CUDA_REAL 75 80 86 89 90 100 120)
elseif(NOT HARDY_CUDA_ARCHITECTURES STREQUAL "native")
  set(HARDY_CUDA_REAL ${HARDY_CUDA_ARCHITECTURES})
endif()
if(HARDY_CUDA_REAL)
  set(HARDY_CUDA_TARGETS "")
  foreach(architecture IN LISTS HARDY_CUDA_REAL)
    list(APPEND HARDY_CUDA_TARGETS -gencode "arch=compute_${architecture},code=sm_${architecture}")
  endforeach()
  list(GET HARDY_CUDA_REAL -1 newest)
  list(APPEND HARDY_CUDA_TARGETS -gencode "arch=compute_${newest},code=compute_${newest}")
else()
  set(HARDY_CUDA_TARGETS -arch=native)
endif()

# Warnings are errors: nvcc's own, ptxas's, and the host compiler's.
set(HARDY_NVCC_FLAGS -std=c++20 -O3 --expt-relaxed-constexpr --expt-extended-lambda -Werror all-warnings
  -Xcompiler=-Wall,-Wextra,-Werror,-fPIC,-ffp-contract=off -I "${PROJECT_SOURCE_DIR}" -isystem "${HARDY_CUDA_ROOT}/include/cccl")

# hardy_nvcc_command(OUTPUT SOURCE argument...): a command that makes OUTPUT of SOURCE.
function(hardy_nvcc_command output source)
  cmake_path(GET output PARENT_PATH folder)
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(OUTPUT "${output}"
    COMMAND "${PROJECT_SOURCE_DIR}/cmake/nvcc_logged" "${output}.log" "${HARDY_NVCC}" ${HARDY_NVCC_FLAGS} ${ARGN}
            -MD -MF "${output}.d" -MT "${output}" -o "${output}" "${source}"
    DEPENDS "${source}" "${PROJECT_SOURCE_DIR}/cmake/nvcc_logged" DEPFILE "${output}.d"
    COMMENT "nvcc ${source}" VERBATIM)
endfunction()

function(hardy_nvcc_name source result)
  cmake_path(RELATIVE_PATH source BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE name)
  string(MAKE_C_IDENTIFIER "${name}" name)
  set(${result} "${name}" PARENT_SCOPE)
endfunction()

# hardy_cuda_nvcc(TARGET FILE.cu...): adds CUDA sources to a target, compiled for GPUs. Each object's figures of
# ptxas lie beside it (tools/ptxas_figures reads them).
function(hardy_cuda_nvcc target)
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    hardy_nvcc_name("${source}" name)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${target}_nvcc/${name}.o")
    get_target_property(definitions ${target} COMPILE_DEFINITIONS)
    set(arguments "")
    if(definitions)
      foreach(definition IN LISTS definitions)
        list(APPEND arguments "-D${definition}")
      endforeach()
    endif()
    hardy_nvcc_command("${object}" "${source}" -c -x cu ${HARDY_CUDA_TARGETS} -Xptxas=-v ${arguments}
                       -I "${PROJECT_BINARY_DIR}/generated")
    target_sources(${target} PRIVATE "${object}")
  endforeach()
  target_link_libraries(${target} PRIVATE "${HARDY_CUDART}" "${HARDY_CUBLASLT}" ${CMAKE_DL_LIBS} rt Threads::Threads)
  set_property(TARGET ${target} APPEND PROPERTY BUILD_RPATH "${HARDY_CUDA_ROOT}/lib")
endfunction()

# hardy_cuda_ptx(TARGET DEFINITION FILE.cu...): makes PTX of CUDA sources, and gives TARGET the files' paths,
# separated by ':', as the string DEFINITION: what hardy::emulation::load_ptx() and HARDY_EMULATION_PTX take. For compute
# capability 7.5, or what a file's property HARDY_PTX_ARCHITECTURE says.
function(hardy_cuda_ptx target definition)
  set(files "")
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    hardy_nvcc_name("${source}" name)
    set(ptx "${CMAKE_CURRENT_BINARY_DIR}/${target}_ptx/${name}.ptx")
    get_property(architecture SOURCE "${source}" PROPERTY HARDY_PTX_ARCHITECTURE)
    if(NOT architecture)
      set(architecture 75)
    endif()
    hardy_nvcc_command("${ptx}" "${source}" -ptx "-arch=compute_${architecture}")
    list(APPEND files "${ptx}")
  endforeach()
  add_custom_target(${target}_${definition} DEPENDS ${files})
  add_dependencies(${target} ${target}_${definition})
  list(JOIN files ":" paths)
  target_compile_definitions(${target} PRIVATE ${definition}="${paths}")
endfunction()

# hardy_cuda_interpreted(TARGET FILE.cu...): adds CUDA sources compiled by nvcc, host and device halves, to a
# target that runs over the emulation in place of a GPU: <<<>>>, CUB and Thrust are the real ones, and what
# runs is the PTX inside of the program.
function(hardy_cuda_interpreted target)
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    hardy_nvcc_name("${source}" name)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${target}_interpreted/${name}.o")
    hardy_nvcc_command("${object}" "${source}" -c -x cu -cudart none -no-compress -gencode "arch=compute_75,code=compute_75")
    target_sources(${target} PRIVATE "${object}")
  endforeach()
  target_link_libraries(${target} PRIVATE hardy_cuda_emulation)
endfunction()
