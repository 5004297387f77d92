package dev.turnstone.bench.stub;

import java.util.ArrayList;
import java.util.List;

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
/// @param rawLogprobs whether log-probabilities ignore the temperature
/// @param abortEvery every so many turns break off in the middle; 0 none
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
    int contextLength,
    boolean rawLogprobs,
    int abortEvery) {
  /// Answers at once, 16 tokens of printable ASCII.
  public static final StubOptions FAST =
      new StubOptions(0, 33, 127, 512, 16, 0, 0, 100_000, 1 << 24, 1 << 18, false, 0);

  public StubOptions withModel(int first, int end, int size) {
    return new StubOptions(
        port,
        first,
        end,
        size,
        tokens,
        tokenMicros,
        prefillMicros,
        capacity,
        cacheTokens,
        contextLength,
        rawLogprobs,
        abortEvery);
  }

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
        contextLength,
        rawLogprobs,
        abortEvery);
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
        contextLength,
        rawLogprobs,
        abortEvery);
  }

  /// What its machine can do.
  ///
  /// @param micros for each prompt token that is not cached
  /// @param places turns that run at once
  /// @param cached tokens that the prefix cache holds
  public StubOptions withEngine(int micros, int places, long cached) {
    return new StubOptions(
        port,
        from,
        to,
        vocabulary,
        tokens,
        tokenMicros,
        micros,
        places,
        cached,
        contextLength,
        rawLogprobs,
        abortEvery);
  }

  public StubOptions withRawLogprobs() {
    return new StubOptions(
        port,
        from,
        to,
        vocabulary,
        tokens,
        tokenMicros,
        prefillMicros,
        capacity,
        cacheTokens,
        contextLength,
        true,
        abortEvery);
  }

  public StubOptions withAbortEvery(int turns) {
    return new StubOptions(
        port,
        from,
        to,
        vocabulary,
        tokens,
        tokenMicros,
        prefillMicros,
        capacity,
        cacheTokens,
        contextLength,
        rawLogprobs,
        turns);
  }

  /// The arguments that [#parse] reads back.
  public List<String> arguments() {
    List<String> all = new ArrayList<>();
    for (Object value :
        List.of(
            port,
            from,
            to,
            vocabulary,
            tokens,
            tokenMicros,
            prefillMicros,
            capacity,
            cacheTokens,
            contextLength,
            rawLogprobs,
            abortEvery)) all.add(value.toString());
    return all;
  }

  static StubOptions parse(List<String> all) {
    int[] n = new int[12];
    for (int i = 0; i < 12; i++) if (i != 8 && i != 10) n[i] = Integer.parseInt(all.get(i));
    return new StubOptions(
        n[0],
        n[1],
        n[2],
        n[3],
        n[4],
        n[5],
        n[6],
        n[7],
        Long.parseLong(all.get(8)),
        n[9],
        Boolean.parseBoolean(all.get(10)),
        n[11]);
  }
}
