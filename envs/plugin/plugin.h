/* hardy/plugin.h - a simulator of one's own as a shared library in plain C, which Hardy trains in:
 *
 *   hardy train sac --env plugin:file=./libmine.so,mass=2
 *
 * The library exports one function, hardy_plugin_entry, which gives a table of functions. docs/simulators.md
 * walks through one. (`hardy --plugin FILE` is another thing: C++ libraries of methods and environments,
 * which are built against one version of Hardy. This header is all that a simulator needs, and it stays.)
 *
 * Errors     Functions give 0, or one of hardy_plugin_status; last_error then says in a line what was wrong.
 * Nothing may be thrown or jump out of them, and none may end the process. Memory     Arrays belong to Hardy
 * and are there for the call alone. What the plug-in gives pointers to stays until destroy; the table and its
 * text stay for ever. Threads    Calls to one batch come one at a time, unless HARDY_PLUGIN_PARALLEL is set.
 * Calls to different batches may come at once: evaluations play in a batch of their own beside the training.
 * Numbers    What an instance does depends on its seed and its actions alone, never on its index, the size of
 * the batch, other instances or the time: then the same seeds give the same run, bit for bit. Versions   New
 * entries of the table and of the structs come at their end. Whoever fills one sets struct_size to sizeof of
 * its own; what lies beyond is taken as 0. */
#ifndef HARDY_PLUGIN_H
#define HARDY_PLUGIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HARDY_PLUGIN_ABI 1
#if defined(__GNUC__)
#define HARDY_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define HARDY_PLUGIN_EXPORT
#endif

typedef enum hardy_plugin_status {
  HARDY_PLUGIN_OK = 0,
  HARDY_PLUGIN_FAILED = 1,   /* the run ends */
  HARDY_PLUGIN_BAD_INPUT = 2 /* of create: the configuration cannot be right */
} hardy_plugin_status;

enum {
  HARDY_PLUGIN_PARALLEL =
      1 /* step may be called for disjoint ranges of one batch at once, by several threads */
};

typedef struct hardy_plugin_spec {
  uint32_t struct_size; /* Hardy's, set before the call, as is all else to 0 */
  uint32_t flags;       /* HARDY_PLUGIN_PARALLEL or 0 */
  int32_t observation_size;
  int32_t action_size;       /* numbers an action; with choices it is 1 */
  int32_t action_choices;    /* 0: actions are numbers within bounds; else an integer from 0 on, below this */
  int32_t max_episode_steps; /* after so many Hardy truncates the episode */
  const float* action_low;   /* [action_size]; of numbers */
  const float* action_high;
  double reference_min; /* returns that score 0 and 100, a random and a good policy's; both 0: the score is
                           the return */
  double reference_max;
} hardy_plugin_spec;

/* One step of the instances [begin, end). Arrays are of the whole batch: instance i's observation begins at
 * observations + i * observation_size. */
typedef struct hardy_plugin_step {
  uint32_t struct_size;
  int32_t begin, end;
  const float* actions;   /* [instances, action_size], finite and within the bounds; NULL with choices */
  const int32_t* choices; /* [instances]; NULL with numbers */
  double* observations;   /* to be written: [instances, observation_size], of the state that was reached */
  double* rewards;        /* to be written: [instances] */
  uint8_t* terminated;    /* [instances], 0 before the call: 1 where the task has ended */
  uint8_t* truncated;     /* the same: 1 where the episode is cut short without that */
} hardy_plugin_step;

typedef struct hardy_plugin_table {
  uint32_t abi_version; /* HARDY_PLUGIN_ABI */
  uint32_t struct_size; /* sizeof(hardy_plugin_table) */

  /* A batch of independent instances. config: the keys that the user gave and Hardy has no use for,
   * "mass=2,g=9.8",
   * "" for none. */
  int (*create)(const char* config, int32_t instances, void** batch);
  int (*spec)(void* batch, hardy_plugin_spec* spec);
  /* Instance i begins an episode, which is a function of the seed; writes observation [observation_size]. */
  int (*reset)(void* batch, int32_t i, uint64_t seed, double* observation);
  int (*step)(void* batch, const hardy_plugin_step* step);

  /* All three or none (NULL). Everything that instance i's next step depends on, in state_size() bytes, the
   * same for all instances and at all times; below 0: an error. Without them a run trains, and cannot be
   * resumed bit for bit. */
  int64_t (*state_size)(void* batch);
  int (*save_state)(void* batch, int32_t i, void* state);
  int (*load_state)(void* batch, int32_t i, const void* state);

  /* What the last call that failed had to say; batch NULL: of create. */
  const char* (*last_error)(void* batch);
  void (*destroy)(void* batch);

  /* Optional: the keys that create understands, "mass,g". Hardy then refuses others and says the nearest. */
  const char* keys;
} hardy_plugin_table;

/* The one symbol of the library. */
HARDY_PLUGIN_EXPORT const hardy_plugin_table* hardy_plugin_entry(void);

#ifdef __cplusplus
}
#endif
#endif
