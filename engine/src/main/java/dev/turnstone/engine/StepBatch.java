package dev.turnstone.engine;

import java.util.Arrays;
import java.util.List;

/// The tokens of one step: row by row, each part's tokens in order.
///
/// @param ids token of each row
/// @param parts one per sequence; those that decode a single token come first
/// @param wanted rows whose logits are wanted, rising
@SuppressWarnings("ArrayRecordComponent") // never compared
public record StepBatch(int[] ids, List<Part> parts, int[] wanted) {
  /// Following tokens of one sequence.
  ///
  /// @param row of the first
  /// @param count of tokens
  /// @param computed tokens whose keys and values are in the cache already, hence the position of
  ///   the first
  /// @param blocks that hold the sequence's keys and values, these tokens' included
  public record Part(int row, int count, int computed, int[] blocks) {}

  /// Whether one of the rows `[first, end)` is wanted.
  public boolean wants(int first, int end) {
    int place = Arrays.binarySearch(wanted, first);
    return place >= 0 || (-place - 1 < wanted.length && wanted[-place - 1] < end);
  }

  public int rows() {
    return ids.length;
  }
}
