package dev.turnstone.trainerbridge.wire;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.trainerbridge.json.JsonText;
import java.util.Arrays;
import java.util.BitSet;

/// The advantages of a row's trained tokens, in their order. Most are the same for a turn, so they
/// are runs.
public record TokenAdvantages(RunLength<Float> values) {
  public static TokenAdvantages of(double[] perToken) {
    RunLength.Builder<Float> runs = new RunLength.Builder<>();
    // Without negative zeros, which are another float.
    for (double value : perToken) runs.add(1, (float) value + 0f);
    return new TokenAdvantages(runs.build());
  }

  /// One value per token of the row: 0 where nothing is trained.
  RunLength<Float> over(BitSet mask, int length) {
    if (mask.cardinality() != values.length())
      throw new IllegalArgumentException(
          "%d advantages for %d trained tokens".formatted(values.length(), mask.cardinality()));
    RunLength.Builder<Float> row = new RunLength.Builder<>();
    int at = 0;
    for (int from = 0; from < length; ) {
      int begin = mask.nextSetBit(from);
      if (begin < 0) begin = length;
      row.add(begin - from, 0f);
      int end = begin == length ? length : mask.nextClearBit(begin);
      for (; begin < end; begin++) row.add(1, values.get(at++));
      from = end;
    }
    return row.build();
  }

  /// As a field of a row's CBOR map.
  static byte[] field(RunLength<Float> advantages) {
    ObjectNode node = JsonText.object();
    node.set(RowCbor.ADVANTAGES, RowCbor.runs(advantages));
    byte[] map = TypedCbor.encode(node);
    return Arrays.copyOfRange(map, CborScan.headSize(1), map.length);
  }
}
