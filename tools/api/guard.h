// Between C callers and the house: errors become codes and a line that the thread remembers.
#pragma once

#include <cstdint>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "engine/base/error.h"
#include "tools/api/hardy.h"

namespace hardy::api {

// Keeps the line for hardy_last_error(), cut where it is longer than its place; allocates nothing.
int remember(int code, const char* line) noexcept;

// Runs a function that may throw; its result is HARDY_OK.
template <class Body>
int guarded(Body&& body) noexcept {
  try {
    body();
    return HARDY_OK;
  } catch (const Error& e) {
    return remember(e.exit_code(), e.what());
  } catch (const std::bad_alloc&) {
    return remember(HARDY_FAILED, "there is not enough memory");
  } catch (const std::exception& e) {
    return remember(HARDY_FAILED, e.what());
  } catch (...) {
    return remember(HARDY_FAILED, "it failed unexpectedly");
  }
}

// A caller's struct in this library's: what lies beyond the caller's size is 0. Errors: NULL, or a size that
// no version had.
template <class Struct>
Struct taken(const Struct* given, std::size_t oldest, const char* name) {
  if (given == nullptr) throw Error("is NULL", name);
  std::uint32_t size = 0;
  std::memcpy(&size, given, sizeof size);
  if (size < oldest)
    throw Error("struct_size is " + std::to_string(size), name,
                "set it to sizeof(" + std::string(name) + ") before the call");
  Struct mine{};
  std::memcpy(&mine, given, size < sizeof mine ? size : sizeof mine);
  return mine;
}

inline void require(const void* pointer, const char* name) {
  if (pointer == nullptr) throw Error("is NULL", name);
}

}  // namespace hardy::api
