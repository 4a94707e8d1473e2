/* A plug-in for the tests. Observation: 10 times the seed's last digit plus the step, and the sum of the actions; the
 * reward is the action. Keys: steps=N (episode), nan=K (the observation of step K), nan_reward=K, fail=K (step fails),
 * end=K (terminates), cut=K (truncates), crash=K, hang=K (every K-th step of the
 * process), crash_reset=1, crash_save=1, odd=1 (a config that is refused),
 * size=N (observations). With -DNARROW the bounds are [-0.01, 0.01] from the second batch of the process on.
 * What -D says of the table is at its end. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "envs/plugin/plugin.h"

struct instance {
  double base, steps, sum;
};
struct batch {
  int steps, nan, nan_reward, fail, end, cut, crash, hang, crash_reset, crash_save, size, choices;
  struct instance* all;
};
static char last_error[100];
static int steps_of_the_process;
static float low[] = {-2}, high[] = {3};

static int number(const char* config, const char* key, int otherwise) {
  const size_t n = strlen(key);
  const char* at = config;
  while (at != NULL && *at != '\0') {
    if (strncmp(at, key, n) == 0 && at[n] == '=') return atoi(at + n + 1);
    at = strchr(at, ',');
    if (at != NULL) ++at;
  }
  return otherwise;
}

static int create(const char* config, int32_t instances, void** out) {
  struct batch* b = calloc(1, sizeof *b);
  if (number(config, "odd", 0)) {
    snprintf(last_error, sizeof last_error, "odd=1 is not even\n(a second line)");
    free(b);
    return HARDY_PLUGIN_BAD_INPUT;
  }
  b->steps = number(config, "steps", 5);
  b->nan = number(config, "nan", -1);
  b->nan_reward = number(config, "nan_reward", -1);
  b->fail = number(config, "fail", -1);
  b->end = number(config, "end", -1);
  b->cut = number(config, "cut", -1);
  b->crash = number(config, "crash", 0);
  b->hang = number(config, "hang", 0);
  b->crash_reset = number(config, "crash_reset", 0);
  b->crash_save = number(config, "crash_save", 0);
  b->size = number(config, "size", 2);
  b->choices = number(config, "choices", 0);
  b->all = calloc((size_t)instances, sizeof *b->all);
  *out = b;
#ifdef NARROW
  static int batches;
  if (++batches > 1) low[0] = -0.01f, high[0] = 0.01f;
#endif
  return HARDY_PLUGIN_OK;
}
static int spec(void* batch, hardy_plugin_spec* s) {
  const struct batch* b = batch;
  if (s->struct_size < sizeof *s) return HARDY_PLUGIN_FAILED;
#ifdef PARALLEL
  s->flags = HARDY_PLUGIN_PARALLEL;
#endif
  s->observation_size = b->size;
  s->action_size = 1;
  s->action_choices = b->choices;
#ifndef UNBOUNDED
  s->action_low = low;
  s->action_high = high;
#endif
  s->max_episode_steps = b->steps;
  return HARDY_PLUGIN_OK;
}
static void observe(const struct instance* x, double* observation) {
  observation[0] = x->base + x->steps;
  observation[1] = x->sum;
}
static int reset(void* batch, int32_t i, uint64_t seed, double* observation) {
  struct instance* x = &((struct batch*)batch)->all[i];
  if (((struct batch*)batch)->crash_reset) raise(SIGSEGV);
  x->base = 10.0 * (double)(seed % 10);
  x->steps = x->sum = 0;
  observe(x, observation);
  if (((struct batch*)batch)->nan == 0) observation[1] = NAN;
  return HARDY_PLUGIN_OK;
}
static int step(void* batch, const hardy_plugin_step* s) {
  struct batch* b = batch;
  int32_t i;
  for (i = s->begin; i < s->end; ++i) {
    struct instance* x = &b->all[i];
    const double action = b->choices ? s->choices[i] : s->actions[i];
    ++steps_of_the_process;
    if (b->crash && steps_of_the_process % b->crash == 0) raise(SIGSEGV);
    while (b->hang && steps_of_the_process % b->hang == 0) pause();
    x->steps += 1;
    x->sum += action;
    observe(x, s->observations + i * b->size);
    s->rewards[i] = x->steps == b->nan_reward ? INFINITY : action;
    if (x->steps == b->nan) s->observations[i * b->size + 1] = NAN;
    s->terminated[i] = x->steps == b->end ? 200 : 0;
    s->truncated[i] = x->steps == b->cut;
    if (x->steps == b->fail) {
      snprintf(last_error, sizeof last_error, "it does not like step %d", b->fail);
      return HARDY_PLUGIN_FAILED;
    }
  }
  return HARDY_PLUGIN_OK;
}
static int64_t state_size(void* batch) {
  (void)batch;
  return sizeof(struct instance);
}
static int save_state(void* batch, int32_t i, void* state) {
  if (((struct batch*)batch)->crash_save) raise(SIGSEGV);
  memcpy(state, &((struct batch*)batch)->all[i], sizeof(struct instance));
  return HARDY_PLUGIN_OK;
}
static int load_state(void* batch, int32_t i, const void* state) {
  memcpy(&((struct batch*)batch)->all[i], state, sizeof(struct instance));
  return HARDY_PLUGIN_OK;
}
static const char* error_of(void* batch) {
  (void)batch;
  return last_error;
}
static void destroy(void* batch) {
  free(((struct batch*)batch)->all);
  free(batch);
}

#ifndef ABI
#define ABI HARDY_PLUGIN_ABI
#endif
#ifndef SIZE
#define SIZE sizeof(hardy_plugin_table)
#endif
#ifndef STATES
#define STATES state_size, save_state, load_state
#endif
#ifndef STEP
#define STEP step
#endif
#ifndef ENTRY
#define ENTRY hardy_plugin_entry
#endif
#ifndef KEYS
#define KEYS NULL
#endif
const hardy_plugin_table* ENTRY(void);
const hardy_plugin_table* ENTRY(void) {
  static const hardy_plugin_table table = {ABI,    SIZE,     create,  spec, reset, STEP,
                                           STATES, error_of, destroy, KEYS};
#ifdef NOTHING
  return NULL;
#else
  return &table;
#endif
}
