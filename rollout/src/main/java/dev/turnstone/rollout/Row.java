package dev.turnstone.rollout;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/// The token record of one branch: flat sequences of one length T.
///
/// @param branch from 0 within the trajectory
/// @param mask positions whose token the policy sampled and a trainer may train
/// @param logprobs 0 where the token was not sampled
/// @param versions policy version that sampled the token; −1 where not sampled
/// @param turns turn that sampled the token; −1 where not sampled
/// @param temperatures of the sampling; 0 where not sampled
/// @param lineage of the versions
/// @param sampler present if anything but the temperature changed the distribution, or if the
///   log-probabilities are not of mode `policy`; a mask's flag is `constrained`
/// @param promptLength ids before the first turn
/// @param flags such as `mixed_kv` or `template_diverged`
public record Row(
    int branch,
    Tokens ids,
    BitSet mask,
    Logprobs logprobs,
    RunLength<Integer> versions,
    RunLength<Integer> turns,
    RunLength<Float> temperatures,
    String lineage,
    Optional<Sampling> sampler,
    int promptLength,
    List<String> flags) {
  public static final int NOT_SAMPLED = -1;
  public static final String MIXED_KV = "mixed_kv";
  public static final String TEMPLATE_DIVERGED = "template_diverged";
  public static final String GREEDY = "greedy";
  public static final String CONSTRAINED = "constrained";

  public Row {
    mask = (BitSet) mask.clone();
    flags = List.copyOf(flags);
  }

  /// A copy; the row itself never changes.
  @Override
  public BitSet mask() {
    return (BitSet) mask.clone();
  }

  public int length() {
    return ids.size();
  }

  public int trainable() {
    return mask.cardinality();
  }

  /// The same row with nothing to train, as a masked stop reason wants it.
  public Row masked() {
    return new Row(
        branch,
        ids,
        new BitSet(),
        logprobs,
        versions,
        turns,
        temperatures,
        lineage,
        sampler,
        promptLength,
        flags);
  }

  /// Lowest sampled version, if any token was sampled.
  public Optional<Integer> oldestVersion() {
    return versions.values().stream().filter(v -> v != NOT_SAMPLED).min(Integer::compare);
  }

  /// Highest sampled version, if any token was sampled.
  public Optional<Integer> newestVersion() {
    return versions.values().stream().filter(v -> v != NOT_SAMPLED).max(Integer::compare);
  }
}
