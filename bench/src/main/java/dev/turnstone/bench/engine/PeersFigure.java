package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.concurrent.ExecutionException;

/// Decoding over HTTP beside llama.cpp's server and vLLM's, one after the other in each round, with
/// the same client, prompts and threads. Ratios are of the best rounds.
final class PeersFigure implements Figure {
  private static final int MANY = 64;
  private static final int ROUNDS = 2;

  @Override
  public String name() {
    return "http";
  }

  /// Opens a server for so many requests at once whose cache holds so many tokens.
  private interface Opening {
    EngineServer open(int requests, long tokens) throws Exception;
  }

  @Override
  public void measure(Subject subject, ObjectNode into) throws Exception {
    Options options = subject.options();
    Opening ours = (_, tokens) -> EngineServer.turnstone(subject, tokens);
    double[] own = measure(subject, "turnstone", ours, into);
    if (options.llamaServer().isPresent())
      compare(
          subject,
          "llama_server",
          own,
          (requests, tokens) ->
              EngineServer.llama(subject, options.llamaServer().get(), requests, tokens),
          into);
    if (options.vllm().isPresent())
      compare(
          subject,
          "vllm",
          own,
          (requests, tokens) -> EngineServer.vllm(subject, options.vllm().get(), requests, tokens),
          into);
  }

  private static double[] measure(Subject subject, String name, Opening opening, ObjectNode into)
      throws Exception {
    Options options = subject.options();
    long each = options.prompt() + options.generate() + 16L;
    double many = 0;
    double alone = 0;
    try (EngineServer server = opening.open(MANY, MANY * each)) {
      many = best(subject, server, 4, MANY);
      into.put(name + "_tokens_per_s_64", Figure.rounded(many));
    }
    System.err.println("http " + into);
    try (EngineServer server = opening.open(1, 4 * each)) {
      alone = best(subject, server, 1, 1);
      into.put(name + "_tokens_per_s_1", Figure.rounded(alone));
    }
    System.err.println("http " + into);
    return new double[] {many, alone};
  }

  private static double best(Subject subject, EngineServer server, int first, int requests)
      throws Exception {
    var load = new HttpLoad(subject, server);
    try {
      load.decodeRate(first, 0);
      double best = 0;
      for (int round = 1; round <= ROUNDS; round++)
        best = Math.max(best, load.decodeRate(requests, round));
      return best;
    } catch (ExecutionException e) {
      throw new IOException("%s; it says: %s".formatted(e.getMessage(), server.lastError()), e);
    }
  }

  /// A peer that does not start or answer is said to, and the other figures stay.
  private static void compare(
      Subject subject, String name, double[] own, Opening opening, ObjectNode into)
      throws Exception {
    double[] theirs;
    try {
      theirs = measure(subject, name, opening, into);
    } catch (IOException | IllegalStateException e) {
      into.put(name + "_failed", e.getMessage());
      System.err.println("http " + into);
      return;
    }
    into.put("ratio_to_" + name + "_64", Figure.rounded(own[0] / theirs[0]));
    into.put("ratio_to_" + name + "_1", Figure.rounded(own[1] / theirs[1]));
  }
}
