// Atomics, made of the compiler's own atomic operations, so that every checker sees them as such.
#pragma once

#include <type_traits>

#include "cuda/emulation/device/execution.h"

namespace hardy::emulation {

// Called where device code may spin: after some calls the block's other threads get their turn.
void spin_hint();

template <class T, class F>
T atomic_update(T* address, F next) {
  using Word = std::conditional_t<sizeof(T) == 8, std::uint64_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>;
  Word* word = reinterpret_cast<Word*>(address);
  Word old = __atomic_load_n(word, __ATOMIC_RELAXED);
  for (;;) {
    T value;
    std::memcpy(&value, &old, sizeof value);
    const T updated = next(value);
    Word desired;
    std::memcpy(&desired, &updated, sizeof desired);
    if (__atomic_compare_exchange_n(word, &old, desired, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      return value;
  }
}

}  // namespace hardy::emulation

template <class T>
T atomicAdd(T* p, std::type_identity_t<T> v) {
  return hardy::emulation::atomic_update(p, [v](T old) { return static_cast<T>(old + v); });
}
template <class T>
T atomicSub(T* p, std::type_identity_t<T> v) {
  return hardy::emulation::atomic_update(p, [v](T old) { return static_cast<T>(old - v); });
}
template <class T>
T atomicMin(T* p, std::type_identity_t<T> v) {
  return hardy::emulation::atomic_update(p, [v](T old) { return v < old ? v : old; });
}
template <class T>
T atomicMax(T* p, std::type_identity_t<T> v) {
  return hardy::emulation::atomic_update(p, [v](T old) { return old < v ? v : old; });
}
template <class T>
T atomicAnd(T* p, std::type_identity_t<T> v) {
  return hardy::emulation::atomic_update(p, [v](T old) { return static_cast<T>(old & v); });
}
template <class T>
T atomicOr(T* p, std::type_identity_t<T> v) {
  return hardy::emulation::atomic_update(p, [v](T old) { return static_cast<T>(old | v); });
}
template <class T>
T atomicXor(T* p, std::type_identity_t<T> v) {
  return hardy::emulation::atomic_update(p, [v](T old) { return static_cast<T>(old ^ v); });
}
inline unsigned atomicInc(unsigned* p, unsigned limit) {
  return hardy::emulation::atomic_update(p, [limit](unsigned old) { return old >= limit ? 0u : old + 1; });
}
inline unsigned atomicDec(unsigned* p, unsigned limit) {
  return hardy::emulation::atomic_update(
      p, [limit](unsigned old) { return old == 0 || old > limit ? limit : old - 1; });
}
template <class T>
T atomicExch(T* p, std::type_identity_t<T> v) {
  hardy::emulation::spin_hint();
  return hardy::emulation::atomic_update(p, [v](T) { return v; });
}
template <class T>
T atomicCAS(T* p, std::type_identity_t<T> expected, std::type_identity_t<T> v) {
  hardy::emulation::spin_hint();
  return hardy::emulation::atomic_update(
      p, [expected, v](T old) { return std::memcmp(&old, &expected, sizeof old) == 0 ? v : old; });
}
