package dev.turnstone.server.completion;

import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.GenerationOptions;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Scores;
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
/// @param options what else is asked
public record Ask(
    Tokens prompt,
    Sampling sampling,
    int n,
    int maxTokens,
    Ends ends,
    Reading reading,
    GenerationOptions options) {

  /// Without options.
  public Ask(Tokens prompt, Sampling sampling, int n, int maxTokens, Ends ends, Reading reading) {
    this(prompt, sampling, n, maxTokens, ends, reading, GenerationOptions.NONE);
  }

  /// The same, sampled otherwise and shorter.
  public Ask within(Sampling drawn, int most) {
    return new Ask(prompt, drawn, n, most, ends, reading, options);
  }

  /// The same, asked otherwise.
  public Ask with(GenerationOptions value) {
    return new Ask(prompt, sampling, n, maxTokens, ends, reading, value);
  }

  public Ask withScores(Scores value) {
    return with(options.withScores(value));
  }

  public Ask withConstraint(Optional<Constraint> value) {
    return with(options.withConstraint(value));
  }

  public Ask withConversation(String value) {
    return with(options.withConversation(value));
  }

  public Ask withCacheSalt(Optional<String> value) {
    return with(options.withCacheSalt(value));
  }

  /// The same, for a reply that says how probable its ids were, or does not.
  public Ask withLogprobs(boolean value) {
    return with(options.withLogprobs(value));
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
      return new Policy.Request(prompt, own, maxTokens, endIds, timeout, options);
    } catch (IllegalArgumentException e) {
      throw Refused.bad(String.valueOf(e.getMessage()));
    }
  }
}
