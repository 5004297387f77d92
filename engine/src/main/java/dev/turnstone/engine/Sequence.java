package dev.turnstone.engine;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
  final CompletableFuture<Generation> result = new CompletableFuture<>();

  /// Tokens whose keys and values are in the cache.
  int computed;

  /// Tokens that the running step computes.
  int scheduled;

  final List<Integer> blocks = new ArrayList<>();

  /// Leading blocks that are published, and the chain number of the last of them.
  int published;

  long chain;

  /// Whether its blocks were made under the present weights.
  boolean staleKv;

  private final int promptLength;
  private int[] tokens;
  private int length;
  private float[] logprobs = new float[16];
  private final RunLength.Builder<Integer> versions = new RunLength.Builder<>();
  private String lineage = "";
  private boolean mixedKv;
  private int cachedTokens;
  private boolean admittedBefore;

  Sequence(Policy.Request request, Policy.TokenListener listener, long seed, long deadlineNanos) {
    this.request = request;
    this.listener = listener;
    this.seed = seed;
    this.deadlineNanos = deadlineNanos;
    this.tokens = request.prompt().toArray();
    this.promptLength = tokens.length;
    this.length = promptLength;
  }

  int length() {
    return length;
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

  boolean admittedBefore() {
    return admittedBefore;
  }

  void admitted(int cached) {
    if (!admittedBefore) cachedTokens = cached;
    admittedBefore = true;
  }

  /// Whether the step computes the last token, so that the next one can be sampled.
  boolean samples() {
    return computed + scheduled == length;
  }

  void append(int id, float logprob, int version, String lineage) {
    if (length == tokens.length) tokens = Arrays.copyOf(tokens, length + length / 2 + 16);
    if (generated() == logprobs.length) logprobs = Arrays.copyOf(logprobs, 2 * logprobs.length);
    logprobs[generated()] = logprob;
    tokens[length++] = id;
    versions.add(1, version);
    this.lineage = lineage;
    mixedKv |= staleKv;
    listener.sampled(id, logprob, version);
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
            mixedKv));
  }

  void fail(PolicyException why) {
    result.completeExceptionally(why);
  }
}
