package dev.turnstone.envadapters.rewards;

import dev.turnstone.envadapters.peer.Endpoint;
import java.util.Locale;
import java.util.Optional;

/// One part of a reward as it is registered. The reward is the sum of the parts times their
/// weights.
public sealed interface RewardEntry {
  /// Name of the part in the reward's parts.
  String name();

  double weight();

  /// The word in the field `kind`.
  String kind();

  /// Where it answers, if it is computed elsewhere.
  default Optional<Endpoint> place() {
    return Optional.empty();
  }

  /// 1 if the final answer equals a field of the task's data, else 0.
  ///
  /// @param field of the task's data: a string, number or boolean
  record ExactMatch(String name, double weight, String field, Normalize normalize)
      implements RewardEntry {
    @Override
    public String kind() {
      return "exact_match";
    }
  }

  /// 1 if the last number of the final answer is near the one in a field of the task's data, else
  /// 0: `|answer − expected| ≤ max(absTolerance, relTolerance × |expected|)`.
  record Numeric(String name, double weight, String field, double absTolerance, double relTolerance)
      implements RewardEntry {
    @Override
    public String kind() {
      return "numeric";
    }
  }

  /// 1 if a pattern is found in the final answer, else 0. With a field: 1 if the first group of its
  /// last match, or the whole match if it has no group, equals that field of the task's data.
  record Regex(String name, double weight, String pattern, Optional<String> field)
      implements RewardEntry {
    @Override
    public String kind() {
      return "regex";
    }
  }

  /// 1 if the final answer is JSON and equal to a field of the task's data, else 0.
  record JsonEqual(String name, double weight, String field) implements RewardEntry {
    @Override
    public String kind() {
      return "json_equal";
    }
  }

  /// How many of the tests in a field of the task's data the final answer's code passes in a
  /// sandbox.
  ///
  /// @param partial whether some tests passed is worth their share, instead of 0
  record CodeTests(
      String name,
      double weight,
      Endpoint endpoint,
      String language,
      String field,
      int memoryLimitMb,
      boolean partial)
      implements RewardEntry {
    @Override
    public String kind() {
      return "code_tests";
    }

    @Override
    public Optional<Endpoint> place() {
      return Optional.of(endpoint);
    }
  }

  /// What a verifier says about task and transcript.
  record Http(String name, double weight, Endpoint endpoint, boolean idempotent)
      implements RewardEntry {
    @Override
    public String kind() {
      return "http";
    }

    @Override
    public Optional<Endpoint> place() {
      return Optional.of(endpoint);
    }
  }

  /// What a language model says about the final answer, from 0 to 1.
  ///
  /// @param endpoint of an OpenAI-compatible API, as in `https://api.example/v1`
  /// @param rubric what it is to judge
  /// @param most the best score on the scale that the model is given, from 0
  record Judge(
      String name,
      double weight,
      Endpoint endpoint,
      String model,
      String rubric,
      Optional<String> field,
      int most,
      int maxTokens)
      implements RewardEntry {
    @Override
    public String kind() {
      return "judge";
    }

    @Override
    public Optional<Endpoint> place() {
      return Optional.of(endpoint);
    }
  }

  /// The sum of what the environment gave for steps; 0 if the policy took none.
  record Steps(String name, double weight) implements RewardEntry {
    @Override
    public String kind() {
      return "steps";
    }
  }

  /// What the environment that the rollout ran in says itself.
  record Own(String name, double weight) implements RewardEntry {
    @Override
    public String kind() {
      return "environment";
    }
  }

  /// What is done to both texts before they are compared.
  enum Normalize {
    NONE,
    /// White space around them is removed.
    STRIP,
    /// Stripped and in lower case.
    LOWER;

    public String wire() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
