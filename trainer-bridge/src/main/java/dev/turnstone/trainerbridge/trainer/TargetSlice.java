package dev.turnstone.trainerbridge.trainer;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/// Where the targets of one row lie in its micro-batch's arrays.
///
/// @param batch number of the micro-batch
/// @param start index of the row's first target
record TargetSlice(TrainingRow row, int batch, int start, int size) {
  /// The rows of all micro-batches, in order.
  static List<TargetSlice> of(List<MicroBatch> batches) {
    var slices = new ArrayList<TargetSlice>();
    for (int batch = 0; batch < batches.size(); batch++) {
      int at = 0;
      for (TrainingRow row : batches.get(batch).rows()) {
        int size = row.row().mask().cardinality();
        slices.add(new TargetSlice(row, batch, at, size));
        at += size;
      }
    }
    return slices;
  }

  /// This row's part of its micro-batch's array.
  double[] of(float[] values) {
    return IntStream.range(0, size).mapToDouble(i -> values[start + i]).toArray();
  }

  Optional<double[]> of(Optional<float[]> values) {
    return values.map(this::of);
  }

  /// Log-probabilities as the engine recorded them.
  double[] behaviour() {
    return row.row().mask().stream().mapToDouble(p -> row.row().logprobs().get(p)).toArray();
  }

  int[] versions() {
    return map(position -> row.row().versions().get(position));
  }

  int[] turns() {
    return map(position -> row.row().turns().get(position));
  }

  private int[] map(IntUnaryOperator function) {
    return row.row().mask().stream().map(function).toArray();
  }
}
