package dev.turnstone.upstream;

import dev.turnstone.upstream.wire.EngineFault;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// The log-probabilities of the next ids after a few fixed prompts: two engines with the same
/// weights have nearly the same, and one that really took new weights has not quite the same as
/// before.
///
/// @param next by id, for each prompt
record Fingerprint(List<Map<Integer, Float>> next) {
  private static final double SAME = 0.15;
  private static final List<String> TEXTS =
      List.of("The capital of France is", "2 + 2 =", "def main():\n    ");

  Fingerprint {
    next = List.copyOf(next);
  }

  static Fingerprint of(Probe probe, TokenSpace space) throws EngineFault, InterruptedException {
    List<Map<Integer, Float>> all = new ArrayList<>();
    for (String text : TEXTS) all.add(probe.next(space.encode().apply(text), 1));
    return new Fingerprint(all);
  }

  /// Whether they can be of the same weights, computed by different kernels.
  boolean agrees(Fingerprint other) {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < next.size(); i++)
      for (Map.Entry<Integer, Float> one : next.get(i).entrySet()) {
        Float there = other.next.get(i).get(one.getKey());
        if (there == null) continue;
        sum += Math.abs(one.getValue() - there);
        count++;
      }
    return count > 0 && sum / count < SAME;
  }
}
