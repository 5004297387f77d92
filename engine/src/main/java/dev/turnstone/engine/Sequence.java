package dev.turnstone.engine;

import dev.turnstone.engine.grammar.Guide;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// One request inside the engine: its tokens so far, how many of them are in the KV cache, and the
/// blocks that hold them.
///
/// Confined to the engine thread, but for `result`, where the caller waits.
final class Sequence {
  final Policy.Request request;
  final Policy.TokenListener listener;
  final long seed;
  final long deadlineNanos;

  /// Present if the request has a constraint.
  final Optional<Guide> guide;

  final CompletableFuture<Generation> result = new CompletableFuture<>();

  /// Tokens whose keys and values are in the cache.
  int computed;

  /// Tokens that the running step computes.
  int scheduled;

  final List<Integer> blocks = new ArrayList<>();

  /// Numbers in the pool's chain of the leading blocks, those that are published.
  final List<Long> chains = new ArrayList<>();

  /// Whether its blocks were made under the present weights.
  boolean staleKv;

  /// Whether it has let a step pass in which another computed what both begin with.
  boolean waitedForTail;

  private final int promptLength;
  private int[] tokens;
  private int length;
  private float[] logprobs = new float[16];
  private final RunLength.Builder<Integer> versions = new RunLength.Builder<>();
  private final List<TopLogprobs> tops = new ArrayList<>();
  private final Optional<PromptScores> scores;
  private String lineage = "";
  private boolean mixedKv;
  private int cachedTokens;
  private boolean admittedBefore;

  Sequence(
      Policy.Request request,
      Policy.TokenListener listener,
      long seed,
      long deadlineNanos,
      Optional<Guide> guide) {
    this.guide = guide;
    this.request = request;
    this.listener = listener;
    this.seed = seed;
    this.deadlineNanos = deadlineNanos;
    this.tokens = request.prompt().toArray();
    this.promptLength = tokens.length;
    this.length = promptLength;
    this.scores =
        request.promptLogprobs().isPresent()
            ? Optional.of(new PromptScores(promptLength))
            : Optional.empty();
  }

  int length() {
    return length;
  }

  /// Whom it shares computed blocks with; "" with all that name nobody.
  String salt() {
    return request.cacheSalt().orElse("");
  }

  int token(int position) {
    return tokens[position];
  }

  int generated() {
    return length - promptLength;
  }

  Tokens block(int index) {
    return Tokens.of(Arrays.copyOfRange(tokens, index * Model.BLOCK, (index + 1) * Model.BLOCK));
  }

  /// The ids whose keys and values are in the cache.
  int[] computedTokens() {
    return Arrays.copyOf(tokens, computed);
  }

  boolean admittedBefore() {
    return admittedBefore;
  }

  void admitted(int cached) {
    if (!admittedBefore) {
      cachedTokens = cached;
      listener.admitted();
    }
    admittedBefore = true;
  }

  /// Whether the logits of a position are needed: of the last one, or to score the prompt.
  boolean wantsLogits(int position) {
    if (scores.isPresent() && position + 1 < promptLength) return scores.get().lacks(position + 1);
    return position == length - 1 && request.maxTokens() > 0;
  }

  /// Whether prompt ids are still to be scored, so that all of them must be computed.
  boolean scoring() {
    return scores.isPresent() && scores.get().incomplete();
  }

  /// Whether nothing is to be generated and everything is scored.
  boolean onlyScores() {
    return request.maxTokens() == 0 && !scoring();
  }

  /// Takes the score of the prompt's id at a position.
  void scored(int position, Sampler.Drawn score) {
    scores.orElseThrow().take(position, score);
  }

  void append(Sampler.Drawn drawn, int version, String lineage) {
    int id = drawn.id();
    float logprob = drawn.logprob();
    if (length == tokens.length) tokens = Arrays.copyOf(tokens, length + length / 2 + 16);
    if (generated() == logprobs.length) logprobs = Arrays.copyOf(logprobs, 2 * logprobs.length);
    logprobs[generated()] = logprob;
    tokens[length++] = id;
    versions.add(1, version);
    this.lineage = lineage;
    mixedKv |= staleKv;
    if (guide.isPresent() && !request.stopIds().contains(id)) guide.get().drawn(id);
    if (request.topLogprobs() > 0 || !request.logprobIds().isEmpty()) tops.add(drawn.top());
    listener.sampled(id, logprob, version, drawn.top());
  }

  boolean sampledStop() {
    return request.stopIds().contains(tokens[length - 1]);
  }

  void finish(FinishReason reason) {
    result.complete(
        new Generation(
            Tokens.of(Arrays.copyOfRange(tokens, promptLength, length)),
            Logprobs.of(Arrays.copyOf(logprobs, generated())),
            versions.build(),
            lineage,
            reason,
            cachedTokens,
            mixedKv,
            guide.isPresent(),
            tops,
            scores.map(PromptScores::build)));
  }

  void fail(PolicyException why) {
    result.completeExceptionally(why);
  }
}
