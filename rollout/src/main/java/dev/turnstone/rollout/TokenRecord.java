package dev.turnstone.rollout;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/// The growing token record of one branch: ids are only ever appended, never encoded again.
///
/// Confined to its rollout's thread.
final class TokenRecord {
  private final Sampling sampling;
  private final int promptLength;
  private final List<Logprobs> logprobs = new ArrayList<>();
  private final BitSet mask = new BitSet();
  private final RunLength.Builder<Integer> versions = new RunLength.Builder<>();
  private final RunLength.Builder<Integer> turns = new RunLength.Builder<>();
  private final RunLength.Builder<Float> temperatures = new RunLength.Builder<>();
  private final TreeSet<String> flags = new TreeSet<>();
  private Tokens ids;
  private String lineage = "";
  private int turn;
  private int generated;
  private int cached;

  TokenRecord(Tokens prompt, Sampling sampling) {
    this.sampling = sampling;
    this.promptLength = prompt.size();
    this.ids = Tokens.NONE;
    if (sampling.greedy()) flags.add(Row.GREEDY);
    appendObserved(prompt);
  }

  /// What the policy reads but did not write.
  void appendObserved(Tokens observed) {
    logprobs.add(Logprobs.of(new float[observed.size()]));
    versions.add(observed.size(), Row.NOT_SAMPLED);
    turns.add(observed.size(), Row.NOT_SAMPLED);
    temperatures.add(observed.size(), 0f);
    ids = ids.plus(observed);
  }

  /// Says something of the whole row.
  void flag(String flag) {
    flags.add(flag);
  }

  /// One turn of the policy. Greedy tokens are recorded but never trained.
  void appendGenerated(Generation generation) {
    int size = generation.ids().size();
    if (!sampling.greedy()) mask.set(ids.size(), ids.size() + size);
    logprobs.add(Logprobs.roundedToZero(generation.logprobs().toArray()));
    versions.addAll(generation.versions());
    turns.add(size, turn++);
    temperatures.add(size, (float) sampling.temperature());
    if (generation.mixedKv()) flags.add(Row.MIXED_KV);
    if (generation.constrained()) flags.add(Row.CONSTRAINED);
    lineage = generation.lineage();
    generated += size;
    cached += generation.cachedTokens();
    ids = ids.plus(generation.ids());
  }

  Tokens ids() {
    return ids;
  }

  int length() {
    return ids.size();
  }

  int generated() {
    return generated;
  }

  int cached() {
    return cached;
  }

  int turns() {
    return turn;
  }

  Row row() {
    float[] joined = new float[ids.size()];
    int at = 0;
    for (Logprobs part : logprobs) {
      System.arraycopy(part.toArray(), 0, joined, at, part.size());
      at += part.size();
    }
    return new Row(
        0,
        ids,
        mask,
        Logprobs.of(joined),
        versions.build(),
        turns.build(),
        temperatures.build(),
        lineage,
        sampling.plain() && !flags.contains(Row.CONSTRAINED)
            ? Optional.empty()
            : Optional.of(sampling),
        promptLength,
        List.copyOf(flags));
  }
}
