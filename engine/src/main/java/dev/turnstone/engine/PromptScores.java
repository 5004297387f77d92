package dev.turnstone.engine;

import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.TopLogprobs;
import java.util.ArrayList;
import java.util.List;

/// The scores of a prompt as they are computed, in order; a preemption keeps what there is.
///
/// Confined to the engine thread.
final class PromptScores {
  private final float[] logprobs;
  private final List<TopLogprobs> tops = new ArrayList<>(List.of(TopLogprobs.NONE));

  PromptScores(int promptLength) {
    logprobs = new float[promptLength];
  }

  boolean lacks(int position) {
    return position >= tops.size();
  }

  boolean incomplete() {
    return tops.size() < logprobs.length;
  }

  void take(int position, Sampler.Drawn score) {
    if (position != tops.size())
      throw new IllegalStateException("score of %d after %d".formatted(position, tops.size() - 1));
    logprobs[position] = score.logprob();
    tops.add(score.top());
  }

  /// What is there; of a generation that was aborted, positions without a score are 0.
  PromptLogprobs build() {
    List<TopLogprobs> all = new ArrayList<>(tops);
    while (all.size() < logprobs.length) all.add(TopLogprobs.NONE);
    return new PromptLogprobs(Logprobs.of(logprobs), all);
  }
}
