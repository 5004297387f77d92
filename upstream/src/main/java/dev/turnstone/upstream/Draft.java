package dev.turnstone.upstream;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Policy.TokenListener;
import dev.turnstone.rollout.PromptLogprobs;
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
  private final List<TopLogprobs> tops = new ArrayList<>();
  private int[] ids = new int[64];
  private float[] logprobs = new float[64];
  private int[] versions = new int[64];
  private int size;
  private int told;
  private boolean scoredApart;
  private int cached = -1;
  private Optional<FinishReason> finish;
  private Optional<PromptLogprobs> prompt = Optional.empty();

  Draft(Request request, TokenListener listener, int vocabulary) {
    this.request = request;
    this.listener = listener;
    this.vocabulary = vocabulary;
    finish = request.maxTokens() == 0 ? Optional.of(FinishReason.LENGTH) : Optional.empty();
  }

  /// What comes next is told to nobody before it is scored.
  void scoredApart(boolean value) {
    scoredApart = value;
  }

  /// Adds what an attempt brought.
  ///
  /// @return why the engine ended it, if it was the engine's own doing
  /// @throws EngineFault if an id is none of the policy's
  Optional<EngineFault> add(Chunk chunk, Attempt attempt) throws EngineFault {
    if (cached < 0 && chunk.cachedTokens().isPresent())
      cached = Math.min(chunk.cachedTokens().getAsInt(), request.prompt().size());
    for (int i = 0; i < chunk.ids().size() && finish.isEmpty(); i++) {
      TopLogprobs top = chunk.tops().isEmpty() ? TopLogprobs.NONE : chunk.tops().get(i);
      add(chunk.ids().get(i), chunk.logprobs().get(i), top, attempt);
    }
    if (finish.isPresent() || chunk.finish().isEmpty()) return Optional.empty();
    FinishReason reason = chunk.finish().get();
    if (reason == FinishReason.ABORT)
      return Optional.of(new EngineFault(EngineFault.Kind.BUSY, "it aborts the request"));
    if (reason == FinishReason.STOP && request.constraint().isEmpty())
      return Optional.of(
          EngineFault.broken(
              size == 0
                  ? "it stops before its first token"
                  : "it stops at id %d, which does not end a turn".formatted(ids[size - 1])));
    finish = Optional.of(reason);
    return Optional.empty();
  }

  private void add(int id, float logprob, TopLogprobs top, Attempt attempt) throws EngineFault {
    if (id < 0 || id >= vocabulary)
      throw new EngineFault(
          EngineFault.Kind.BROKEN,
          "it samples id %d, which is not in [0, %d)".formatted(id, vocabulary));
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, 2 * size);
      logprobs = Arrays.copyOf(logprobs, 2 * size);
      versions = Arrays.copyOf(versions, 2 * size);
    }
    boolean certain =
        request.sampling().logprobMode() == LogprobMode.SAMPLED && request.sampling().greedy();
    ids[size] = id;
    logprobs[size] = certain ? 0 : logprob;
    if (request.topLogprobs() > 0 || !request.logprobIds().isEmpty()) tops.add(top);
    versions[size] = attempt.version();
    size++;
    if (!scoredApart) tell();
    if (request.stopIds().contains(id) && size >= request.sampling().minTokens())
      finish = Optional.of(FinishReason.STOP);
    else if (size == request.maxTokens()) finish = Optional.of(FinishReason.LENGTH);
  }

  /// Tokens from [#told] on are this probable.
  ///
  /// @param scores of the prompt and all tokens
  void scored(PromptLogprobs scores) {
    int before = request.prompt().size();
    for (int i = told; i < size; i++) {
      logprobs[i] = scores.logprobs().get(before + i);
      if (request.topLogprobs() > 0) tops.set(i, scores.tops().get(before + i));
    }
    tell();
  }

  private void tell() {
    for (; told < size; told++)
      listener.sampled(
          ids[told],
          logprobs[told],
          versions[told],
          tops.isEmpty() ? TopLogprobs.NONE : tops.get(told));
  }

  /// How many tokens nobody can take back.
  int told() {
    return told;
  }

  /// Tokens that could not be scored were never sampled.
  void dropUntold() {
    if (told == size) return;
    size = told;
    if (!tops.isEmpty()) tops.subList(told, tops.size()).clear();
    finish = Optional.empty();
  }

  /// Whether the prompt is still to be scored.
  boolean wantsPrompt() {
    return request.promptLogprobs().isPresent() && prompt.isEmpty();
  }

  void prompt(PromptLogprobs scores) {
    prompt = Optional.of(scores);
  }

  /// Other weights than it was thought sampled tokens `[from, to)`.
  void sampledBy(int version, int from, int to) {
    for (int i = Math.max(0, from); i < Math.min(to, size); i++) versions[i] = version;
  }

  int size() {
    return size;
  }

  boolean finished() {
    return finish.isPresent();
  }

  /// Whether nothing is left to ask.
  boolean complete() {
    return finished() && !wantsPrompt();
  }

  /// The turn's prompt and everything sampled so far.
  Tokens held() {
    return size == 0 ? request.prompt() : request.prompt().plus(sampled());
  }

  private Tokens sampled() {
    return Tokens.of(Arrays.copyOf(ids, size));
  }

  /// Whether another engine can go on from any token and draw from the same distribution: what an
  /// engine counts of what it generated, and where in a grammar or a bad word it is, it knows only
  /// of its own tokens, and takes what is before them for the prompt.
  static boolean divisible(Request request) {
    return !request.sampling().penalties().active()
        && request.sampling().badWords().isEmpty()
        && request.constraint().isEmpty();
  }

  /// What was generated; without an end, it was aborted.
  Generation generation(String lineage) {
    return new Generation(
        sampled(),
        Logprobs.roundedToZero(Arrays.copyOf(logprobs, size)),
        versionRuns(),
        lineage,
        wantsPrompt() ? FinishReason.ABORT : finish.orElse(FinishReason.ABORT),
        Math.max(0, cached),
        false,
        request.constraint().isPresent(),
        tops,
        prompt);
  }

  private RunLength<Integer> versionRuns() {
    RunLength.Builder<Integer> runs = new RunLength.Builder<>();
    for (int i = 0; i < size; i++) runs.add(1, versions[i]);
    return runs.build();
  }
}
