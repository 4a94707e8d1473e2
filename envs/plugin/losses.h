/* hardy/losses.h - losses of one's own for `hardy regret`: one function, in plain C, in a shared library.
 *
 *   #include <hardy/losses.h>
 *   static double loss(const hardy_losses_view* v, int64_t k, int32_t h, int32_t s, int32_t a) {
 *     return (k / 100 + a) % v->A == 0 ? 0.1 : 0.9;
 *   }
 *   HARDY_LOSSES(loss, HARDY_LOSSES_OBLIVIOUS, NULL)
 *
 *   cc -O2 -shared -fPIC mine.c -o mine.so
 *   hardy regret --env mirror --losses plugin:file=./mine.so --episodes 2^10..2^14
 *
 * docs/own_studies.md walks through one.
 *
 * Numbers    A loss is a function of its arguments alone, in [0, 1]: of the episode, layer, state and action,
 * of what the view holds, and of nothing else - no memory of former calls, no clock, no random numbers but
 * those made of the seed and the arguments. Then the same command gives the same bits. Each loss of each
 * episode is looked at; a function that answers the same question differently is refused where that is seen
 * before the study begins. Threads    Calls come from several threads at once, and in any order. Errors
 * Nothing may be thrown or jump out of it, and it may not end the process. What it cannot answer it answers
 * with a NaN: the study ends with the episode, the layer, the state and the action.
 * Memory     Arrays belong to Hardy, and are there for the call alone.
 * Versions   New entries of the structs come at their end. Whoever fills one sets struct_size to sizeof of
 * its own. */
#ifndef HARDY_LOSSES_H
#define HARDY_LOSSES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HARDY_LOSSES_ABI 1
#if defined(__GNUC__)
#define HARDY_LOSSES_EXPORT __attribute__((visibility("default")))
#else
#define HARDY_LOSSES_EXPORT
#endif

enum {
  HARDY_LOSSES_OBLIVIOUS = 0,
  HARDY_LOSSES_ADAPTIVE = 1 /* sees what was played before; regret is then external, on the realised losses */
};

/* What is known when the losses of episode k are asked for. */
typedef struct hardy_losses_view {
  uint32_t struct_size;
  int32_t H, S, A, d;        /* layers h < H, states s < S, actions a < A, features of d numbers */
  int64_t K;                 /* episodes of the run, k < K */
  uint64_t seed;             /* plugin:...,seed=7; 0 where none is given */
  const double* values;      /* of the table's keys, in their order */
  const double* features;    /* phi [H][S][A][d] */
  const double* transitions; /* P [H-1][S][A][S']; NULL of an instance that keeps mu alone */
  const double* start;       /* [S], the law of the first state */
  /* Adaptive losses alone; else NULL. Of this replica. */
  const double*
      policy; /* [H][S][A], what was played in episode k - 1; uniform where nothing was, or no state */
  const double* visits; /* [H][S][A], expected visits of all the episodes before k */
} hardy_losses_view;

typedef double (*hardy_losses_function)(const hardy_losses_view* view, int64_t k, int32_t h, int32_t s,
                                        int32_t a);

typedef struct hardy_losses_table {
  uint32_t abi_version; /* HARDY_LOSSES_ABI */
  uint32_t struct_size; /* sizeof(hardy_losses_table) */
  uint32_t flags;       /* HARDY_LOSSES_OBLIVIOUS or HARDY_LOSSES_ADAPTIVE */
  hardy_losses_function loss;
  const char*
      keys; /* numbers that the user may give, with their defaults: "period=100,share=0.5"; NULL: none */
} hardy_losses_table;

/* The one symbol of the library; HARDY_LOSSES defines it. */
HARDY_LOSSES_EXPORT const hardy_losses_table* hardy_losses_entry(void);

#define HARDY_LOSSES(function, flags, keys)                                                                 \
  const hardy_losses_table* hardy_losses_entry(void) {                                                      \
    static const hardy_losses_table table = {HARDY_LOSSES_ABI, sizeof(hardy_losses_table), flags, function, \
                                             keys};                                                         \
    return &table;                                                                                          \
  }

#ifdef __cplusplus
}
#endif
#endif
