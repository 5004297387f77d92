package dev.turnstone.envadapters.rewards;

import dev.turnstone.rollout.Environment.EnvironmentLost;

/// What the environment that the rollout ran in says itself.
record OwnScore() implements Scorer {
  @Override
  public Score score(Episode episode) throws EnvironmentLost, InterruptedException {
    return episode.own().score();
  }
}
