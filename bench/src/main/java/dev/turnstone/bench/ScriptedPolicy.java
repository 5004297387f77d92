package dev.turnstone.bench;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.util.Arrays;

/// A policy that takes no time and says the same in every turn.
final class ScriptedPolicy implements TrainablePolicy {
  static final int VOCABULARY = 64;
  private static final WeightsId WEIGHTS = new WeightsId("base", 0, "0".repeat(64));
  private static final Tokens TURN = Tokens.of(5, 6, 7, 8, 9, 10, 11, StubAgent.STOP);

  @Override
  public Generation generate(Request request, TokenListener listener) {
    float[] logprobs = new float[TURN.size()];
    Arrays.fill(logprobs, -0.5f);
    return new Generation(
        TURN,
        Logprobs.of(logprobs),
        RunLength.of(TURN.size(), WEIGHTS.version()),
        WEIGHTS.lineage(),
        Generation.FinishReason.STOP,
        0,
        false);
  }

  @Override
  public int contextLength() {
    return 1 << 16;
  }

  @Override
  public WeightsId weights() {
    return WEIGHTS;
  }

  @Override
  public Applied apply(WeightsUpdate update) {
    throw new IllegalStateException("nobody trains this policy");
  }
}
