package dev.turnstone.server.completion;

import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.http.Refused;
import java.time.Duration;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/// One prompt and the choices that are to follow it, whatever wire it came over.
///
/// @param n choices, each sampled apart
/// @param maxTokens of each choice, at most what the context leaves
/// @param constraint what the text of each choice must be
/// @param conversation names the conversation whose next turn this is, as for [Policy.Request]
/// @param cacheSalt whom it shares cached prefixes with, as for [Policy.Request]
/// @param logprobs whether the reply says how probable the sampled ids were
public record Ask(
    Tokens prompt,
    Sampling sampling,
    int n,
    int maxTokens,
    Ends ends,
    Reading reading,
    Scores scores,
    Optional<Constraint> constraint,
    Optional<String> conversation,
    Optional<String> cacheSalt,
    boolean logprobs) {

  /// Without further scores, constraint, conversation or salt.
  public Ask(Tokens prompt, Sampling sampling, int n, int maxTokens, Ends ends, Reading reading) {
    this(
        prompt,
        sampling,
        n,
        maxTokens,
        ends,
        reading,
        Scores.SAMPLED,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        true);
  }

  /// The same, sampled otherwise and shorter.
  public Ask within(Sampling drawn, int most) {
    return new Ask(
        prompt,
        drawn,
        n,
        most,
        ends,
        reading,
        scores,
        constraint,
        conversation,
        cacheSalt,
        logprobs);
  }

  public Ask withScores(Scores value) {
    return new Ask(
        prompt,
        sampling,
        n,
        maxTokens,
        ends,
        reading,
        value,
        constraint,
        conversation,
        cacheSalt,
        logprobs);
  }

  public Ask withConstraint(Optional<Constraint> value) {
    return new Ask(
        prompt,
        sampling,
        n,
        maxTokens,
        ends,
        reading,
        scores,
        value,
        conversation,
        cacheSalt,
        logprobs);
  }

  public Ask withConversation(String value) {
    return new Ask(
        prompt,
        sampling,
        n,
        maxTokens,
        ends,
        reading,
        scores,
        constraint,
        Optional.of(value),
        cacheSalt,
        logprobs);
  }

  public Ask withCacheSalt(Optional<String> value) {
    return new Ask(
        prompt,
        sampling,
        n,
        maxTokens,
        ends,
        reading,
        scores,
        constraint,
        conversation,
        value,
        logprobs);
  }

  /// The same, for a reply that says how probable its ids were, or does not.
  public Ask withLogprobs(boolean value) {
    return new Ask(
        prompt,
        sampling,
        n,
        maxTokens,
        ends,
        reading,
        scores,
        constraint,
        conversation,
        cacheSalt,
        value);
  }

  /// Ids that end a choice: the format's and the request's.
  Set<Integer> endIds(Served served) {
    Set<Integer> ids = new HashSet<>(ends.ids());
    if (!ends.ignoreFormat()) ids.addAll(served.format().stopIds());
    return ids;
  }

  /// What the policy is asked for choice `index`: each draws numbers of its own.
  ///
  /// @throws Refused if that cannot be
  Policy.Request request(int index, Set<Integer> endIds, Duration timeout) {
    Sampling own =
        sampling.seed().isPresent()
            ? sampling.withSeed(sampling.seed().getAsLong() + index)
            : sampling;
    try {
      return new Policy.Request(
          prompt,
          own,
          maxTokens,
          endIds,
          timeout,
          scores.top(),
          scores.named(),
          scores.prompt(),
          constraint,
          conversation,
          cacheSalt,
          logprobs);
    } catch (IllegalArgumentException e) {
      throw Refused.bad(String.valueOf(e.getMessage()));
    }
  }
}
