package dev.turnstone.engine.grammar;

/// A set of byte values, 0 to 255.
record ByteSet(long first, long second, long third, long fourth) {
  static final ByteSet NONE = new ByteSet(0, 0, 0, 0);

  static ByteSet of(int value) {
    return range(value, value);
  }

  /// Both ends belong to it.
  static ByteSet range(int from, int to) {
    long[] words = new long[4];
    for (int value = from; value <= to; value++) words[value >> 6] |= 1L << value;
    return new ByteSet(words[0], words[1], words[2], words[3]);
  }

  ByteSet or(ByteSet other) {
    return new ByteSet(
        first | other.first, second | other.second, third | other.third, fourth | other.fourth);
  }

  boolean contains(int value) {
    long word = value < 128 ? (value < 64 ? first : second) : value < 192 ? third : fourth;
    return (word >>> value & 1) != 0;
  }
}
