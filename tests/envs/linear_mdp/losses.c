/* A loss function for tests; what the compiler defines makes it wrong in one way or another. */
#include "envs/plugin/losses.h"

#include <math.h>
#include <stdlib.h>

#ifndef FLAGS
#define FLAGS HARDY_LOSSES_OBLIVIOUS
#endif
#ifndef KEYS
#define KEYS "period=100,share=0.5"
#endif

static int calls;

static double loss(const hardy_losses_view* v, int64_t k, int32_t h, int32_t s, int32_t a) {
  (void)calls;
#ifdef BAD /* at one place of one late episode */
  if (k == 77 && h == v->H - 1 && s == v->S - 1 && a == v->A - 1) return BAD;
#endif
#ifdef FORGETFUL
  return (double)(++calls % 7) / 10;
#endif
#ifdef POLICY /* what was played most costs most */
  const int64_t at = ((int64_t)h * v->S + s) * v->A + a;
  return (v->policy[at] + v->visits[at] / (double)(k + 1)) / 2;
#endif
#ifdef NEEDS_VIEW
  if (v->struct_size != sizeof *v || v->K < 1 || v->start == 0 || v->policy != 0) return NAN;
#endif
  const double seeded = (double)(v->seed % 10) / 100;
  return (k / (int64_t)v->values[0] + a + s + h) % 2 == 0 ? 0.1 + seeded : v->values[1];
}

#ifdef TABLE
static const hardy_losses_table table = TABLE;
const hardy_losses_table* hardy_losses_entry(void) { return &table; }
#elif defined(NO_ENTRY)
int nothing = 0;
#else
HARDY_LOSSES(loss, FLAGS, KEYS)
#endif
