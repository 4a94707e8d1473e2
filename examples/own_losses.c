/* Losses of one's own in plain C: an adversary that follows the learner. Where it played most of late, playing costs more.
 *   cc -O2 -shared -fPIC -IP/include own_losses.c -o own_losses.so
 *   hardy regret --env tabular:H=2,S=3,A=3 --losses plugin:file=./own_losses.so,reach=0.5 --episodes 2^8..2^12 --replicas 16
 * where P is the prefix that hardy was installed to. docs/own_studies.md walks through an oblivious one. */
#include <hardy/losses.h>

static double loss(const hardy_losses_view* v, int64_t k, int32_t h, int32_t s, int32_t a) {
  const int64_t pair = ((int64_t)h * v->S + s) * v->A + a;
  double here = 0; /* expected visits of the state so far */
  for (int32_t b = 0; b < v->A; ++b) here += v->visits[pair - a + b];
  const double habit = here > 0 ? v->visits[pair] / here : 1.0 / v->A;
  const double base = 0.25 + 0.25 * ((h + s + a) % 3) / 2.0; /* some actions are better than others */
  (void)k;
  return base + v->values[0] * 0.5 * (habit + v->policy[pair]) / 2;
}

HARDY_LOSSES(loss, HARDY_LOSSES_ADAPTIVE, "reach=1")
