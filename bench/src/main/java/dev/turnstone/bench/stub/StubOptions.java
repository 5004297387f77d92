package dev.turnstone.bench.stub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

/// How a stub engine behaves.
///
/// @param port 0 takes a free one
/// @param from smallest id that its model samples
/// @param to one more than the largest
/// @param tokens of a turn, the stop token included
/// @param tokenMicros between two tokens; 0 answers at once
/// @param prefillMicros for each prompt token that is not cached
/// @param capacity turns that run at once; more wait
/// @param cacheTokens that its prefix cache holds
public record StubOptions(
    int port,
    int from,
    int to,
    int vocabulary,
    int tokens,
    int tokenMicros,
    int prefillMicros,
    int capacity,
    long cacheTokens,
    int contextLength) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /// Answers at once, 16 tokens of printable ASCII.
  public static final StubOptions FAST =
      new StubOptions(0, 33, 127, 512, 16, 0, 0, 100_000, 1 << 24, 1 << 18);

  public StubOptions withPort(int value) {
    return new StubOptions(
        value,
        from,
        to,
        vocabulary,
        tokens,
        tokenMicros,
        prefillMicros,
        capacity,
        cacheTokens,
        contextLength);
  }

  /// How long its turns are.
  ///
  /// @param each tokens of a turn
  /// @param micros between two of them
  public StubOptions withTokens(int each, int micros) {
    return new StubOptions(
        port,
        from,
        to,
        vocabulary,
        each,
        micros,
        prefillMicros,
        capacity,
        cacheTokens,
        contextLength);
  }

  /// What its machine can do.
  ///
  /// @param micros for each prompt token that is not cached
  /// @param places turns that run at once
  /// @param cached tokens that the prefix cache holds
  public StubOptions withEngine(int micros, int places, long cached) {
    return new StubOptions(
        port, from, to, vocabulary, tokens, tokenMicros, micros, places, cached, contextLength);
  }

  /// The argument that [#parse] reads back.
  String argument() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("numbers are always JSON", e);
    }
  }

  static StubOptions parse(String argument) throws JsonProcessingException {
    return JSON.readValue(argument, StubOptions.class);
  }
}
