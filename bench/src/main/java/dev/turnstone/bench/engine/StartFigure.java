package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;

/// From starting a server's process to the first token that it sends, with everything in the page
/// cache; the best of a few starts.
final class StartFigure implements Figure {
  private static final int STARTS = 3;

  @Override
  public String name() {
    return "start";
  }

  @Override
  public void measure(Subject subject, ObjectNode into) throws Exception {
    double best = Double.POSITIVE_INFINITY;
    double listening = 0;
    for (int i = 0; i < STARTS; i++) {
      long started = System.nanoTime();
      try (EngineServer server = EngineServer.turnstone(subject, 4096)) {
        double heard = (System.nanoTime() - started) / 1e9;
        var client = new CompletionClient(server);
        client.complete(subject.prompt(32, i), 1, i);
        double seconds = (System.nanoTime() - started) / 1e9;
        if (seconds < best) listening = heard;
        best = Math.min(best, seconds);
      }
    }
    into.put("first_token_s", Figure.rounded(best));
    into.put("listening_s", Figure.rounded(listening));
  }
}
