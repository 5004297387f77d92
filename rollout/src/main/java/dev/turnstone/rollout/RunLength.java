package dev.turnstone.rollout;

import java.util.ArrayList;
import java.util.List;

/// One value per token, stored as runs: `starts[i]` is the first position that has `values[i]`.
///
/// Starts begin at 0, increase strictly and lie below `length`; neighbouring values differ. An
/// empty sequence has no runs.
public record RunLength<T>(int length, List<Integer> starts, List<T> values) {
  public RunLength {
    starts = List.copyOf(starts);
    values = List.copyOf(values);
    if (starts.size() != values.size())
      throw new IllegalArgumentException(
          "starts and values differ in size: " + starts.size() + " and " + values.size());
    if (length > 0 != !starts.isEmpty())
      throw new IllegalArgumentException("length " + length + " with " + starts.size() + " runs");
    for (int i = 0; i < starts.size(); i++) {
      int floor = i == 0 ? 0 : starts.get(i - 1) + 1;
      if (starts.get(i) < floor || starts.get(i) >= length || (i == 0 && starts.get(0) != 0))
        throw new IllegalArgumentException("run starts out of order: " + starts);
      if (i > 0 && values.get(i).equals(values.get(i - 1)))
        throw new IllegalArgumentException("neighbouring runs are equal: " + values);
    }
  }

  /// `length` times the same value.
  public static <T> RunLength<T> of(int length, T value) {
    return new Builder<T>().add(length, value).build();
  }

  /// The value at a position, found by binary search.
  public T get(int position) {
    if (position < 0 || position >= length)
      throw new IndexOutOfBoundsException("position " + position + " of " + length);
    int low = 0;
    int high = starts.size() - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (starts.get(middle) <= position) low = middle;
      else high = middle - 1;
    }
    return values.get(low);
  }

  /// Appends runs; not thread-safe.
  public static final class Builder<T> {
    private final List<Integer> starts = new ArrayList<>();
    private final List<T> values = new ArrayList<>();
    private int length;

    public Builder<T> add(int count, T value) {
      if (count < 0) throw new IllegalArgumentException("count < 0: " + count);
      if (count == 0) return this;
      if (values.isEmpty() || !values.getLast().equals(value)) {
        starts.add(length);
        values.add(value);
      }
      length += count;
      return this;
    }

    public Builder<T> addAll(RunLength<T> other) {
      for (int i = 0; i < other.starts.size(); i++) {
        int end = i + 1 < other.starts.size() ? other.starts.get(i + 1) : other.length;
        add(end - other.starts.get(i), other.values.get(i));
      }
      return this;
    }

    public RunLength<T> build() {
      return new RunLength<>(length, starts, values);
    }
  }
}
