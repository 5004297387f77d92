package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;

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
    if (options.llamaServer().isPresent()) {
      Opening llama =
          (requests, tokens) ->
              EngineServer.llama(subject, options.llamaServer().get(), requests, tokens);
      compare("llama_server", own, measure(subject, "llama_server", llama, into), into);
    }
    if (options.vllm().isPresent()) {
      Opening vllm =
          (requests, tokens) -> EngineServer.vllm(subject, options.vllm().get(), requests, tokens);
      compare("vllm", own, measure(subject, "vllm", vllm, into), into);
    }
  }

  private static double[] measure(Subject subject, String name, Opening opening, ObjectNode into)
      throws Exception {
    Options options = subject.options();
    long each = options.prompt() + options.generate() + 16L;
    double many = 0;
    double alone = 0;
    try (EngineServer server = opening.open(MANY, MANY * each)) {
      var load = new HttpLoad(subject, server);
      load.decodeRate(4, 0);
      for (int round = 1; round <= ROUNDS; round++)
        many = Math.max(many, load.decodeRate(MANY, round));
    }
    try (EngineServer server = opening.open(1, 4 * each)) {
      var load = new HttpLoad(subject, server);
      load.decodeRate(1, 0);
      for (int round = 1; round <= ROUNDS; round++)
        alone = Math.max(alone, load.decodeRate(1, round));
    }
    into.put(name + "_tokens_per_s_64", Figure.rounded(many));
    into.put(name + "_tokens_per_s_1", Figure.rounded(alone));
    return new double[] {many, alone};
  }

  private static void compare(String name, double[] own, double[] theirs, ObjectNode into) {
    into.put("ratio_to_" + name + "_64", Figure.rounded(own[0] / theirs[0]));
    into.put("ratio_to_" + name + "_1", Figure.rounded(own[1] / theirs[1]));
  }
}
