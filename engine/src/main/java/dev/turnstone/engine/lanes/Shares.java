package dev.turnstone.engine.lanes;

/// How a number of columns or rows is shared out among lanes: each has one stretch.
///
/// @param bounds lane i has `[bounds[i], bounds[i + 1])`
@SuppressWarnings("ArrayRecordComponent") // never compared
record Shares(int[] bounds) {
  /// Nearly equal stretches that begin at multiples of `unit`.
  static Shares of(int count, int lanes, int unit) {
    int units = Math.ceilDiv(count, unit);
    int[] bounds = new int[lanes + 1];
    for (int lane = 1; lane <= lanes; lane++)
      bounds[lane] = Math.min(count, (int) (((long) units * lane + lanes - 1) / lanes) * unit);
    bounds[lanes] = count;
    return new Shares(bounds);
  }

  int first(int lane) {
    return bounds[lane];
  }

  int end(int lane) {
    return bounds[lane + 1];
  }

  int count(int lane) {
    return end(lane) - first(lane);
  }

  int lanes() {
    return bounds.length - 1;
  }

  /// The lane that has a column.
  int of(int column) {
    int lane = 0;
    while (column >= bounds[lane + 1]) lane++;
    return lane;
  }
}
