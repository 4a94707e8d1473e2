// Linear algebra of one large problem, shared among a team's threads: n feature rows of d numbers, d up to
// some hundreds. The counterpart of small.h. Sums are cut at places that depend on n alone and joined in
// order: the same bits for any number of threads.
#pragma once

#include <cstdint>

#include "engine/base/threads.h"

namespace hardy::linalg {

// One walk over the features: first = sum_n weight_n phi_n and second = ridge I + sum_n weight_n phi_n
// phi_n^T, weight_n >= 0: phi [n][d], weight [n], first [d], second [d][d] row-major, its lower triangle
// written. Either may be null.
void weighted_moments(const double* phi, const double* weight, std::int64_t n, std::int64_t d, double ridge,
                      double* first, double* second, ThreadTeam& team);

// m [d][d], its lower triangle, becomes L with m = L L^T. False, and m undefined, where m is not positive
// definite.
bool cholesky(double* m, std::int64_t d);

// v [d] in place: L^{-1} v, and L^{-T} v.
void solve_lower(const double* l, std::int64_t d, double* v);
void solve_lower_transposed(const double* l, std::int64_t d, double* v);

// L^{-1} as walks over features read it: inverse_size(d) numbers. With it a row's L^{-1} phi is a product,
// which runs at the rate of products; substitution was measured at a quarter of that.
std::int64_t inverse_size(std::int64_t d);
void pack_inverse(const double* l, std::int64_t d, double* packed);

// One walk over rows [n][d] by one thread: forms_n = ||L^{-1} phi_n||^2, never negative, and
// first_n = phi_n . x, second_n = phi_n . y. x and y [row_width(d)] are padded with zeros; they and their
// products may be null together.
std::int64_t row_width(std::int64_t d);  // d rounded up to whole vectors
void forms_and_products(const double* packed, const double* phi, std::int64_t n, std::int64_t d,
                        const double* x, const double* y, double* forms, double* first, double* second);

// y_n = L^{-1} phi_n for all rows: out [n][d]. Then y_n . y_m = phi_n^T (L L^T)^{-1} phi_m.
void whiten(const double* packed, const double* phi, std::int64_t n, std::int64_t d, double* out,
            ThreadTeam& team);

// ||L^{-1} phi_n||^2 for all rows: out [n].
void quadratic_forms(const double* packed, const double* phi, std::int64_t n, std::int64_t d, double* out,
                     ThreadTeam& team);

// out_n = scale * sum_m weight_m min(y_n . y_m, 0): y [n][d] from whiten(), weight [n], out [n]. The n x n
// matrix of products goes by in tiles that stay in the cache.
void magnitude_term(const double* y, const double* weight, std::int64_t n, std::int64_t d, double scale,
                    double* out, ThreadTeam& team);

}  // namespace hardy::linalg
