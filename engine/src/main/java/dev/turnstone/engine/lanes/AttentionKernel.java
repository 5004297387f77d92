package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Precision;

/// The inner loops of attention over cached keys and values of one type, and the order in which
/// these lie in a block of one KV head.
///
/// Heads that share a KV head are taken up to [#MOST_HEADS] at a time, so that each key and value
/// is loaded once for all of them. Sums run over dimensions and tokens in order, whatever the
/// batch.
sealed interface AttentionKernel permits FloatAttention, Bfloat16Attention {
  int MOST_HEADS = 4;

  static AttentionKernel of(Precision precision, int headDim) {
    return precision == Precision.BF16
        ? new Bfloat16Attention(headDim)
        : new FloatAttention(headDim);
  }

  /// Vectors of tokens that are scored at once.
  int STRIPS = 2;

  /// Entries of a table of blocks beyond the last: what is scored or fetched beyond the end.
  int BEYOND = 2 * STRIPS;

  /// Bytes of the keys of a block's head.
  long keyBytes();

  long valueBytes();

  /// Dimensions of a head's value, padded to what is gathered at once.
  int width();

  /// Writes one token's key, `headDim` values, to its place in a block. The array may be rounded to
  /// what is written.
  void writeKey(long keys, int offset, float[] key);

  /// The same for its value.
  void writeValue(long values, int offset, float[] value);

  /// Copies a block's first tokens out as plain rows `[tokens, headDim]`, for chunks.
  void copy(long keys, long values, int tokens, long keyRows, long valueRows);

  /// Scores the tokens of a block and the following: query head h at `query[from + h * headDim]`
  /// against each token, into `scores[h * stride + token]`. Takes [#STRIPS] vectors of tokens, and
  /// may fetch as many of those that follow with their values: so that a block, which lies in one
  /// page, is read in one go.
  ///
  /// @return see [Simd#touch]
  int score(long[] keys, int token, float[] query, int from, int heads, float[] scores, int stride);

  /// Sums the values of tokens `[first, end)` by the weights of each head into `sums[h * width +
  /// dimension]`.
  void gather(
      long[] values, int first, int end, float[] weights, int stride, int heads, float[] sums);
}
