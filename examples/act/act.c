/* A simulator of its own acts by a policy that Hardy trained, and records what happens as a dataset.
 *
 *   act POLICY DATASET EPISODES
 *
 * The simulator is a mass on a line (the plug-in of examples/point_mass is another program's copy of it). */
#include <hardy/hardy.h>
#include <stdio.h>
#include <stdlib.h>

enum { kSteps = 100 };

static int fail(void) {
  fprintf(stderr, "act: %s\n", hardy_last_error());
  return 1;
}

int main(int argc, char** argv) {
  hardy_policy* policy = NULL;
  hardy_actor* actor = NULL;
  hardy_recorder* recorder = NULL;
  hardy_policy_info info = {sizeof info};
  hardy_recorder_options options = {sizeof options};
  hardy_step record = {sizeof record};
  double total = 0;
  int episode, episodes, t;

  if (argc != 4) {
    fprintf(stderr, "usage: act POLICY DATASET EPISODES\n");
    return 2;
  }
  episodes = atoi(argv[3]);
  if (hardy_policy_open(argv[1], &policy) || hardy_policy_describe(policy, &info)) return fail();
  if (info.observation_size != 2 || info.action_kind != HARDY_NUMBERS || info.action_size != 1) {
    fprintf(stderr, "act: %s acts on %d observations; a mass has 2, and takes one number\n", argv[1],
            info.observation_size);
    return 2;
  }
  if (hardy_actor_create(policy, 1, &actor)) return fail();
  options.observation_size = 2;
  options.action_size = 1;
  options.overwrite = 1;
  options.log_probs = 1;
  options.environment = "point_mass";
  if (hardy_recorder_open(argv[2], &options, &recorder)) return fail();

  for (episode = 0; episode < episodes; ++episode) {
    const uint64_t seed = (uint64_t)episode; /* of the episode's draws */
    double observation[2] = {-2 + 4 * (episode % 10) / 9.0, 0};
    for (t = 0; t < kSteps; ++t) {
      const double position = observation[0], speed = observation[1];
      double next[2];
      float force;
      if (hardy_act_sample(actor, 1, observation, &seed, (uint64_t)t, &force, NULL, &record.log_prob)) return fail();
      next[1] = speed + 0.1 * force;
      next[0] = position + 0.1 * next[1];
      record.observation = observation;
      record.action = &force;
      record.reward = -(position * position + 0.1 * speed * speed + 0.01 * force * force);
      record.next_observation = next;
      record.ending = t + 1 == kSteps ? HARDY_TRUNCATED : HARDY_GOES_ON;
      if (hardy_recorder_append(recorder, &record)) return fail();
      total += record.reward;
      observation[0] = next[0];
      observation[1] = next[1];
    }
  }
  if (hardy_recorder_close(recorder)) return fail();
  hardy_actor_destroy(actor);
  hardy_policy_close(policy);
  printf("%d episodes, mean return %.1f\n", episodes, total / episodes);
  return 0;
}
