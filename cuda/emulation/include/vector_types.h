// CUDA's short vectors and dim3, laid out as the toolkit lays them out.
#pragma once

#define HARDY_EMULATION_VECTOR(T, name, align2, align4)              \
  struct name##1 {                                                   \
    T x;                                                             \
  };                                                                 \
  struct alignas(align2) name##2 {                                   \
    T x, y;                                                          \
  };                                                                 \
  struct name##3 {                                                   \
    T x, y, z;                                                       \
  };                                                                 \
  struct alignas(align4) name##4 {                                   \
    T x, y, z, w;                                                    \
  };                                                                 \
  inline name##1 make_##name##1(T x) { return {x}; }                 \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }         \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

HARDY_EMULATION_VECTOR(signed char, char, 2, 4)
HARDY_EMULATION_VECTOR(unsigned char, uchar, 2, 4)
HARDY_EMULATION_VECTOR(short, short, 4, 8)
HARDY_EMULATION_VECTOR(unsigned short, ushort, 4, 8)
HARDY_EMULATION_VECTOR(int, int, 8, 16)
HARDY_EMULATION_VECTOR(unsigned, uint, 8, 16)
HARDY_EMULATION_VECTOR(long long, longlong, 16, 16)
HARDY_EMULATION_VECTOR(unsigned long long, ulonglong, 16, 16)
HARDY_EMULATION_VECTOR(float, float, 8, 16)
HARDY_EMULATION_VECTOR(double, double, 16, 16)
#undef HARDY_EMULATION_VECTOR

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}  // NOLINT
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}                                         // NOLINT
  constexpr operator uint3() const { return {x, y, z}; }                                      // NOLINT
};
