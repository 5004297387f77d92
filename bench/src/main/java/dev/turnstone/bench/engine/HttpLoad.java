package dev.turnstone.bench.engine;

import dev.turnstone.bench.engine.CompletionClient.Seen;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Tokens per second that a server decodes with so many requests in flight, as its client sees it:
/// between the moment when all have begun and the moment when the first ends.
final class HttpLoad {
  private final Subject subject;
  private final CompletionClient client;

  HttpLoad(Subject subject, EngineServer server) {
    this.subject = subject;
    client = new CompletionClient(server);
  }

  double decodeRate(int requests, int round) throws Exception {
    List<Seen> all = new ArrayList<>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Seen>> calls = new ArrayList<>();
      for (int i = 0; i < requests; i++) {
        long seed = 10_000L * round + i;
        calls.add(
            threads.submit(() ->
                client.complete(
                    subject.prompt(subject.options().prompt(), seed),
                    subject.options().generate(),
                    seed)));
      }
      for (Future<Seen> call : calls) all.add(call.get());
    }
    long from = all.stream().mapToLong(seen -> seen.arrivals().getFirst()).max().orElseThrow();
    long to = all.stream().mapToLong(seen -> seen.arrivals().getLast()).min().orElseThrow();
    if (to <= from)
      throw new IllegalStateException("the requests were never all in flight together");
    double tokens = 0;
    for (Seen seen : all) {
      // A piece of a stream may hold several tokens; all pieces of one stream count alike.
      double perPiece = (double) seen.generated() / seen.arrivals().size();
      tokens += perPiece * seen.arrivals().stream().filter(at -> at > from && at <= to).count();
    }
    return tokens / ((to - from) / 1e9);
  }
}
