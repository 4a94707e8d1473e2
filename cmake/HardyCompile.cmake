# One set of compile options for everything that the project builds.
# No contraction of a*b+c: an element's bits must not depend on whether it fell into a vector body
# or its tail. Where a fused multiply-add is wanted (matrix products) the code says so.
function(hardy_compile target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
    -ffp-contract=off -fno-math-errno)
  # GCC 12 warns falsely inside std::string's operator+, and, with AVX-512, inside its own intrinsics (Eigen's
  # products are made of them).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-maybe-uninitialized)
  endif()
  if(HARDY_ARCH)
    target_compile_options(${target} PRIVATE -march=${HARDY_ARCH})
  endif()
  if(HARDY_SANITIZE)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # the same false warning by its other name, at -O1
      target_compile_options(${target} PRIVATE -Wno-uninitialized)
    endif()
    target_compile_options(${target} PRIVATE -fsanitize=${HARDY_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${HARDY_SANITIZE})
    # Checks of every access, most of which the address sanitizer finds too, and two fifths of the time to compile
    # (g++ 12). Readers of files are fuzzed with all of them (tests/fuzz).
    if(HARDY_SANITIZE STREQUAL "address,undefined")
      target_compile_options(${target} PRIVATE -fno-sanitize=null,object-size,vptr,alignment,pointer-overflow)
    endif()
  endif()
endfunction()

# hardy_version_script(TARGET FILE): gives the C functions that FILE lists their version. All else stays as it is.
function(hardy_version_script target script)
  target_link_options(${target} PRIVATE "-Wl,--version-script=${PROJECT_SOURCE_DIR}/${script}")
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${PROJECT_SOURCE_DIR}/${script}")
endfunction()
