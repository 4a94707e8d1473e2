/* A mass on a line that is to be brought to rest at the origin, as a plug-in of Hardy (hardy/plugin.h).
 *
 *   observation  position, speed
 *   action       force in [-1, 1]; the key mass=M (1) is what it moves
 *   reward       -(position^2 + speed^2 / 10 + force^2 / 100)
 *   episode      100 steps of 0.1 s, from a position in [-2, 2) at rest */
#include <hardy/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mass {
  double position, speed;
};
struct batch {
  double kilograms;
  struct mass* masses;
};

static const float kLow[] = {-1}, kHigh[] = {1};
static char last_error[200];

/* u in [0, 1) from a seed: splitmix64's first number. */
static double uniform(uint64_t seed) {
  uint64_t z = seed + 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (double)((z ^ (z >> 31)) >> 11) * (1.0 / 9007199254740992.0);
}

/* config is "mass=2" or "": Hardy has refused every other key, for the table names the keys. */
static int create(const char* config, int32_t instances, void** out) {
  struct batch* b = malloc(sizeof *b);
  char* end = NULL;
  if (b == NULL) return HARDY_PLUGIN_FAILED;
  b->kilograms = 1;
  if (strncmp(config, "mass=", 5) == 0) {
    b->kilograms = strtod(config + 5, &end);
    if (*end != '\0' || !(b->kilograms > 0)) {
      snprintf(last_error, sizeof last_error, "%s is no mass; give kilograms above 0", config);
      free(b);
      return HARDY_PLUGIN_BAD_INPUT;
    }
  }
  b->masses = calloc((size_t)instances, sizeof *b->masses);
  if (b->masses == NULL) {
    free(b);
    return HARDY_PLUGIN_FAILED;
  }
  *out = b;
  return HARDY_PLUGIN_OK;
}

static int spec(void* batch, hardy_plugin_spec* s) {
  (void)batch;
  s->flags = HARDY_PLUGIN_PARALLEL; /* instances share nothing that changes */
  s->observation_size = 2;
  s->action_size = 1;
  s->action_low = kLow;
  s->action_high = kHigh;
  s->max_episode_steps = 100;
  s->reference_min = -450; /* what random forces get */
  s->reference_max = -20;
  return HARDY_PLUGIN_OK;
}

static void observe(const struct mass* m, double* observation) {
  observation[0] = m->position;
  observation[1] = m->speed;
}

static int reset(void* batch, int32_t i, uint64_t seed, double* observation) {
  struct mass* m = &((struct batch*)batch)->masses[i];
  m->position = 4 * uniform(seed) - 2;
  m->speed = 0;
  observe(m, observation);
  return HARDY_PLUGIN_OK;
}

static int step(void* batch, const hardy_plugin_step* s) {
  struct batch* b = batch;
  int32_t i;
  for (i = s->begin; i < s->end; ++i) {
    struct mass* m = &b->masses[i];
    const double force = s->actions[i];
    s->rewards[i] = -(m->position * m->position + 0.1 * m->speed * m->speed + 0.01 * force * force);
    m->speed += 0.1 * force / b->kilograms;
    m->position += 0.1 * m->speed;
    observe(m, s->observations + 2 * i);
  }
  return HARDY_PLUGIN_OK;
}

static int64_t state_size(void* batch) {
  (void)batch;
  return sizeof(struct mass);
}
static int save_state(void* batch, int32_t i, void* state) {
  memcpy(state, &((struct batch*)batch)->masses[i], sizeof(struct mass));
  return HARDY_PLUGIN_OK;
}
static int load_state(void* batch, int32_t i, const void* state) {
  memcpy(&((struct batch*)batch)->masses[i], state, sizeof(struct mass));
  return HARDY_PLUGIN_OK;
}

static const char* error_of(void* batch) {
  (void)batch;
  return last_error;
}

static void destroy(void* batch) {
  free(((struct batch*)batch)->masses);
  free(batch);
}

const hardy_plugin_table* hardy_plugin_entry(void) {
  static const hardy_plugin_table table = {HARDY_PLUGIN_ABI, sizeof(hardy_plugin_table),
                                           create, spec, reset, step,
                                           state_size, save_state, load_state,
                                           error_of, destroy, "mass"};
  return &table;
}
