package dev.turnstone.envadapters.rewards;

/// The sum of what the environment gave for steps.
record StepSum() implements Scorer {
  @Override
  public Score score(Episode episode) {
    return Score.of(episode.stepRewards().stream().mapToDouble(Double::doubleValue).sum());
  }
}
