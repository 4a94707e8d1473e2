// Linear algebra of one large problem, shared among a team's threads: n feature rows of d numbers, d up to
// some hundreds. The counterpart of small.h. Sums are cut at places that depend on n alone and joined in
// order: the same bits for any number of threads.
#pragma once

#include <cstdint>

#include "engine/base/threads.h"

namespace hardy::linalg {

// out = ridge I + sum_n weight_n phi_n phi_n^T, weight_n >= 0: phi [n][d], weight [n], out [d][d] row-major,
// its lower triangle written.
void weighted_syrk(const double* phi, const double* weight, std::int64_t n, std::int64_t d, double ridge,
                   double* out, ThreadTeam& team);

// m [d][d], its lower triangle, becomes L with m = L L^T. False, and m undefined, where m is not positive
// definite.
bool cholesky(double* m, std::int64_t d);

// v [d] in place: L^{-1} v, and L^{-T} v.
void solve_lower(const double* l, std::int64_t d, double* v);
void solve_lower_transposed(const double* l, std::int64_t d, double* v);

// y_n = L^{-1} phi_n for all rows: out [n][d]. Then y_n . y_m = phi_n^T (L L^T)^{-1} phi_m.
void whiten(const double* l, const double* phi, std::int64_t n, std::int64_t d, double* out,
            ThreadTeam& team);

// ||L^{-1} phi_n||^2 for all rows: out [n], never negative.
void quadratic_forms(const double* l, const double* phi, std::int64_t n, std::int64_t d, double* out,
                     ThreadTeam& team);

// out_n = scale * sum_m weight_m min(y_n . y_m, 0): y [n][d] from whiten(), weight [n], out [n]. The n x n
// matrix of products goes by in tiles that stay in the cache.
void magnitude_term(const double* y, const double* weight, std::int64_t n, std::int64_t d, double scale,
                    double* out, ThreadTeam& team);

}  // namespace hardy::linalg
