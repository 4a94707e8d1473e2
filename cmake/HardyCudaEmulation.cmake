# hardy_cuda_emulated(TARGET [UNCHECKED] FILE.cu...): adds CUDA sources to a target as host code over the
# emulation (cuda/emulation). Without UNCHECKED, every load and store of these files is checked in a plain
# build; under a sanitizer its own instrumentation does that.
function(hardy_cuda_emulated target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "UNCHECKED" "" "")
  # -g1: reports name the line.
  set(options -g1 -fno-strict-aliasing -Wno-tsan -Wno-unknown-pragmas)
  if(NOT HARDY_SANITIZE AND NOT arg_UNCHECKED)
    # Only the compiler's half of ThreadSanitizer: cuda/emulation/check/hooks.cc is the other one.
    list(APPEND options -O1 -fsanitize=thread --param=tsan-instrument-func-entry-exit=0)
  endif()
  if(HARDY_SANITIZE MATCHES "undefined")
    # AddressSanitizer's red zones find the same, and its reports name the CUDA thread.
    list(APPEND options -fno-sanitize=bounds,object-size)
  endif()
  foreach(source IN LISTS arg_UNPARSED_ARGUMENTS)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE name)
    string(MAKE_C_IDENTIFIER "${name}" name)
    # A file that includes it, so that the same source can be nvcc's in another target.
    set(wrapper "${CMAKE_CURRENT_BINARY_DIR}/${target}_emulated/${name}.cc")
    file(CONFIGURE OUTPUT "${wrapper}" CONTENT "#include \"${source}\"\n" @ONLY)
    set_property(SOURCE "${wrapper}" APPEND PROPERTY COMPILE_OPTIONS ${options})
    target_sources(${target} PRIVATE "${wrapper}")
  endforeach()
  target_link_libraries(${target} PRIVATE hardy_cuda_emulation)
endfunction()
