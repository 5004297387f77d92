package dev.turnstone.upstream;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Policy.TokenListener;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.upstream.wire.Chunk;
import dev.turnstone.upstream.wire.EngineFault;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The tokens of one turn so far, whichever attempts brought them. Confined to its turn's thread,
/// and only the attempt that this thread reads can add to it.
final class Draft {
  private final Request request;
  private final TokenListener listener;
  private final int vocabulary;
  private final RunLength.Builder<Integer> versions = new RunLength.Builder<>();
  private final List<TopLogprobs> tops = new ArrayList<>();
  private int[] ids = new int[64];
  private float[] logprobs = new float[64];
  private int size;
  private int cached = -1;
  private Optional<FinishReason> finish = Optional.empty();

  Draft(Request request, TokenListener listener, int vocabulary) {
    this.request = request;
    this.listener = listener;
    this.vocabulary = vocabulary;
  }

  /// Adds what an attempt brought.
  ///
  /// @throws EngineFault if an id is none of the policy's, or if the engine stops where nobody
  ///   asked it to
  void add(Chunk chunk, Attempt attempt) throws EngineFault {
    if (cached < 0 && chunk.cachedTokens().isPresent())
      cached = Math.min(chunk.cachedTokens().getAsInt(), request.prompt().size());
    for (int i = 0; i < chunk.ids().size() && finish.isEmpty(); i++) {
      TopLogprobs top = chunk.tops().isEmpty() ? TopLogprobs.NONE : chunk.tops().get(i);
      add(chunk.ids().get(i), chunk.logprobs().get(i), top, attempt);
    }
    if (finish.isPresent() || chunk.finish().isEmpty()) return;
    FinishReason reason = chunk.finish().get();
    if (reason == FinishReason.ABORT)
      throw new EngineFault(EngineFault.Kind.BUSY, "it aborts the request");
    if (reason == FinishReason.STOP)
      throw new EngineFault(
          EngineFault.Kind.BROKEN,
          size == 0
              ? "it stops before its first token"
              : "it stops at id %d, which does not end a turn".formatted(ids[size - 1]));
    finish = Optional.of(reason);
  }

  private void add(int id, float logprob, TopLogprobs top, Attempt attempt) throws EngineFault {
    if (id < 0 || id >= vocabulary)
      throw new EngineFault(
          EngineFault.Kind.BROKEN,
          "it samples id %d, which is not in [0, %d)".formatted(id, vocabulary));
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, 2 * size);
      logprobs = Arrays.copyOf(logprobs, 2 * size);
    }
    boolean certain =
        request.sampling().logprobMode() == LogprobMode.SAMPLED && request.sampling().greedy();
    ids[size] = id;
    logprobs[size] = certain ? 0 : logprob;
    if (request.topLogprobs() > 0) tops.add(top);
    versions.add(1, attempt.version());
    size++;
    listener.sampled(id, logprobs[size - 1], attempt.version(), top);
    if (request.stopIds().contains(id) && size >= request.sampling().minTokens())
      finish = Optional.of(FinishReason.STOP);
    else if (size == request.maxTokens()) finish = Optional.of(FinishReason.LENGTH);
  }

  int size() {
    return size;
  }

  boolean finished() {
    return finish.isPresent();
  }

  /// The turn's prompt and everything sampled so far.
  Tokens held() {
    return size == 0 ? request.prompt() : request.prompt().plus(sampled());
  }

  private Tokens sampled() {
    return Tokens.of(Arrays.copyOf(ids, size));
  }

  /// Whether another engine can go on from here and draw from the same distribution: penalties
  /// count what was generated, and an engine takes what is before its first token for the prompt.
  boolean canGoOn() {
    return size == 0
        || (request.sampling().penalties().frequency() == 0
            && request.sampling().penalties().presence() == 0
            && request.constraint().isEmpty());
  }

  /// What was generated; without an end, it was aborted.
  Generation generation(String lineage) {
    return new Generation(
        sampled(),
        Logprobs.roundedToZero(Arrays.copyOf(logprobs, size)),
        versions.build(),
        lineage,
        finish.orElse(FinishReason.ABORT),
        Math.max(0, cached),
        false,
        false,
        tops,
        Optional.empty());
  }
}
