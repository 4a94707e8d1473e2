/* hardy/hardy.h - Hardy inside other people's simulators: act by a trained policy, record a dataset. Plain C.
 *
 *   hardy_policy* policy;
 *   hardy_actor* actor;
 *   if (hardy_policy_open("agent_0.policy", &policy) || hardy_actor_create(policy, 1, &actor))
 *     fprintf(stderr, "%s\n", hardy_last_error());
 *   hardy_act(actor, 1, observation, action, NULL, NULL);
 *
 * Libraries  hardy_core has the policies and needs the C and C++ libraries alone; hardy has the recorder too.
 * Errors     Each function that can fail gives 0 or one of hardy_status; hardy_last_error() says in a line
 * what was wrong. What a failed function was to make is set to NULL. No exception leaves the library; it
 *            prints nothing, handles no signal and ends no process.
 * HDF5       The library of the distribution is used by one thread at a time: a simulator that calls it too
 * records from that same thread. Threads    A hardy_policy does not change and may be shared. A hardy_actor
 * or hardy_recorder is used by one thread at a time; several may be used at once. Versions   Functions are
 * only added, and structs only grow at their end: the caller writes sizeof of its own into struct_size first,
 * and what lies beyond is left alone, or taken as 0. Symbols are versioned. Another header, hardy/plugin.h,
 * is for the other direction: a simulator that Hardy loads. */
#ifndef HARDY_HARDY_H
#define HARDY_HARDY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HARDY_API __attribute__((visibility("default")))
#else
#define HARDY_API
#endif

typedef enum hardy_status {
  HARDY_OK = 0,
  HARDY_FAILED = 1,   /* what could not be foreseen: no memory, a full disk */
  HARDY_BAD_INPUT = 2 /* what was given cannot be right */
} hardy_status;

/* "0.1.0", of the library that is loaded. */
HARDY_API const char* hardy_version(void);
/* What this thread's last failed call had to say: one line, without its end. Stands until the next that
 * fails. */
HARDY_API const char* hardy_last_error(void);

/* ---- policies: hardy_core ---------------------------------------------------------------------------- */

typedef struct hardy_policy hardy_policy;
typedef struct hardy_actor hardy_actor; /* the memory that one thread acts in */

typedef enum hardy_action_kind {
  HARDY_NUMBERS = 0, /* float [action_size], within bounds */
  HARDY_CHOICES = 1  /* int32 from 0 on, below action_choices */
} hardy_action_kind;

typedef struct hardy_policy_info {
  uint32_t struct_size; /* the caller's: sizeof(hardy_policy_info) */
  int32_t action_kind;  /* hardy_action_kind */
  int32_t observation_size;
  int32_t action_size;     /* 1 for choices */
  int32_t action_choices;  /* 0 for numbers */
  int32_t stochastic;      /* 1: a sample differs from the mode */
  const float* action_low; /* [action_size]; NULL for choices. These pointers stand as long as the policy. */
  const float* action_high;
  const char* head;        /* "tanh_gaussian": docs/policy_file.md has them all */
  const char* environment; /* that it was trained for; "" where the file does not say */
} hardy_policy_info;

/* A file that `hardy train` left (runs/NAME/policy/agent_0.policy). */
HARDY_API int hardy_policy_open(const char* path, hardy_policy** out);
/* The bytes of such a file; they are not needed any more afterwards. */
HARDY_API int hardy_policy_open_memory(const void* bytes, size_t size, hardy_policy** out);
/* NULL is passed over. Actors that were made of it stay usable. */
HARDY_API void hardy_policy_close(hardy_policy* policy);
HARDY_API int hardy_policy_describe(const hardy_policy* policy, hardy_policy_info* info);

/* Memory for up to `rows` observations at once (1 to 1048576), with a copy of the parameters. */
HARDY_API int hardy_actor_create(const hardy_policy* policy, int64_t rows, hardy_actor** out);
HARDY_API void hardy_actor_destroy(hardy_actor* actor);

/* Acts by the mode. observations [rows, observation_size], as the simulator gives them: normalisation is the
 * policy's. Written are actions [rows, action_size] within the bounds or choices [rows], whichever the policy
 * has (the other is NULL), and, unless it is NULL, log_probs [rows]: log pi(a | s), 0 where nothing is left
 * to chance. rows: at most the actor's; the cost is that of all the actor's. Allocates nothing. */
HARDY_API int hardy_act(hardy_actor* actor, int64_t rows, const double* observations, float* actions,
                        int32_t* choices, float* log_probs);
/* Acts by a draw. seeds [rows]: a number for each row, its episode's say; step: counts the episode's steps.
 * The draws of (seed, step) are always the same, in whichever row and whoever acts beside it. */
HARDY_API int hardy_act_sample(hardy_actor* actor, int64_t rows, const double* observations,
                               const uint64_t* seeds, uint64_t step, float* actions, int32_t* choices,
                               float* log_probs);
/* log pi(a | s) of actions that are given, numbers or choices as of hardy_act: log_probs [rows]. Of numbers
 * it is the log-density over the bounds' box, -infinity outside of it. HARDY_BAD_INPUT where the policy
 * leaves nothing to chance and gives numbers (there is no density), or a choice is none of its own. Unlike
 * hardy_act it allocates. */
HARDY_API int hardy_log_prob(hardy_actor* actor, int64_t rows, const double* observations,
                             const float* actions, const int32_t* choices, float* log_probs);

/* ---- recording: hardy -------------------------------------------------------------------------------- */

typedef struct hardy_recorder hardy_recorder;

typedef struct hardy_recorder_options {
  uint32_t struct_size;
  int32_t observation_size;
  int32_t action_size;     /* 1 for choices; 0 is taken as 1 there */
  int32_t action_choices;  /* 0: numbers */
  int32_t instances;       /* simulators whose steps come in any order; 0: one */
  int32_t flush_episodes;  /* finished episodes after which the file is brought up to date; 0: 16 */
  int32_t overwrite;       /* 1: a file that is there is replaced, at the first flush */
  int32_t log_probs;       /* 1: infos/action_log_probs are recorded */
  const char* environment; /* noted as the file's env_id; NULL: none */
} hardy_recorder_options;

typedef enum hardy_ending {
  HARDY_GOES_ON = 0,
  HARDY_TERMINATED = 1, /* the task ended */
  HARDY_TRUNCATED = 2   /* the time was over, or somebody stopped it */
} hardy_ending;

typedef struct hardy_step {
  uint32_t struct_size;
  int32_t instance;          /* from 0 on */
  const double* observation; /* [observation_size], which the action answers */
  const float* action;       /* [action_size]; of numbers */
  int32_t choice;            /* of choices */
  int32_t ending;            /* hardy_ending, of this step */
  double reward;
  const double* next_observation; /* [observation_size], before any reset */
  float log_prob;                 /* log pi(action | observation), where options.log_probs is 1 */
} hardy_step;

/* Begins a D4RL file (HDF5: observations, actions, rewards, next_observations, terminals, timeouts). It
 * appears at the first flush, and from then on it is at any time a whole file of whole episodes: a crash
 * costs what came after the last flush. Meanwhile PATH.tmp-PID lies beside it; whoever writes PATH next
 * removes what a crash left. */
HARDY_API int hardy_recorder_open(const char* path, const hardy_recorder_options* options,
                                  hardy_recorder** out);
/* A step is kept in memory until its episode ends and the file is brought up to date. HARDY_BAD_INPUT: the
 * step is not recorded. HARDY_FAILED: it is kept, and the file, as it was, is tried again with the next
 * episode. */
HARDY_API int hardy_recorder_append(hardy_recorder* recorder, const hardy_step* step);
/* Brings the file up to date with all episodes that have ended, and waits until they are on the disk. */
HARDY_API int hardy_recorder_flush(hardy_recorder* recorder);
/* Flushes, episodes that go on as truncated ones, and frees the recorder, also where it fails. NULL: 0. */
HARDY_API int hardy_recorder_close(hardy_recorder* recorder);

#ifdef __cplusplus
}
#endif
#endif
