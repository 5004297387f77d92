package dev.turnstone.trainerbridge.trainer;

import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import java.util.BitSet;
import java.util.List;

/// Rows padded to one length, and which of their tokens are scored.
///
/// A token is predicted at the position before it, so a target's predictor is `row × length +
/// position − 1`; padding at the right is never attended to by an earlier token.
public final class TokenBatch {
  private final int rows;
  private final int length;
  private final long[] ids;
  private final long[] predictors;
  private final long[] targets;
  private final float[] temperatures;

  /// One row and the positions, from 1, whose tokens are scored.
  public record Scored(Tokens ids, BitSet targets, RunLength<Float> temperatures) {
    public Scored {
      if (targets.get(0)) throw new IllegalArgumentException("no token predicts the first one");
    }
  }

  public TokenBatch(List<Scored> scored) {
    rows = scored.size();
    length = scored.stream().mapToInt(row -> row.ids().size()).max().orElseThrow();
    int count = scored.stream().mapToInt(row -> row.targets().cardinality()).sum();
    ids = new long[rows * length];
    predictors = new long[count];
    targets = new long[count];
    temperatures = new float[count];
    int at = 0;
    for (int row = 0; row < rows; row++) {
      Scored source = scored.get(row);
      for (int i = 0; i < source.ids().size(); i++) ids[row * length + i] = source.ids().get(i);
      for (int position : source.targets().stream().toArray()) {
        predictors[at] = (long) row * length + position - 1;
        targets[at] = source.ids().get(position);
        temperatures[at++] = source.temperatures().get(position);
      }
    }
  }

  int rows() {
    return rows;
  }

  int length() {
    return length;
  }

  /// Scored tokens.
  public int size() {
    return targets.length;
  }

  long[] ids() {
    return ids;
  }

  long[] predictors() {
    return predictors;
  }

  long[] targets() {
    return targets;
  }

  float[] temperatures() {
    return temperatures;
  }
}
