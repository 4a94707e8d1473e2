// The elements of Cholesky factors, and of what is solved with them, for one problem or for as many side by
// side as a number holds: the processor's vectors (small.h) and a thread of a GPU (cuda/adversarial) are
// compiled from here.
//
// X has the type X::Number and X::fma(a, b, c), rounded once; for a GPU also X::kUnroll, how many numbers it
// asks its memory for at once. A matrix m gives m(i, j), j <= i, a vector v[i]. Sums are in the order of the
// index.
#pragma once

namespace hardy::linalg {

// m_ij - sum_{k<j} l_ik l_jk: L_jj^2, or L_ij L_jj.
template <class X, class Matrix, class Size>
constexpr typename X::Number left_of_products(Matrix m, Size i, Size j) {
  typename X::Number sum = m(i, j);
#ifdef __CUDA_ARCH__
#pragma unroll(X::kUnroll)
#endif
  for (Size k = 0; k < j; ++k) sum = X::fma(-m(i, k), m(j, k), sum);
  return sum;
}

// v_i - sum_{k<i} l_ik v_k: L_ii times element i of L^{-1} v, where those before it stand in v.
template <class X, class Matrix, class Vector, class Size>
constexpr typename X::Number forward_element(Matrix l, Vector v, Size i) {
  typename X::Number sum = v[i];
#ifdef __CUDA_ARCH__
#pragma unroll(X::kUnroll)
#endif
  for (Size k = 0; k < i; ++k) sum = X::fma(-l(i, k), v[k], sum);
  return sum;
}

// v_i - sum_{i<k<d} l_ki v_k: L_ii times element i of L^{-T} v, where those behind it stand in v.
template <class X, class Matrix, class Vector, class Size>
constexpr typename X::Number backward_element(Matrix l, Vector v, Size i, Size d) {
  typename X::Number sum = v[i];
#ifdef __CUDA_ARCH__
#pragma unroll(X::kUnroll)
#endif
  for (Size k = i + 1; k < d; ++k) sum = X::fma(-l(k, i), v[k], sum);
  return sum;
}

}  // namespace hardy::linalg
