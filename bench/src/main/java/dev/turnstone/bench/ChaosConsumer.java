package dev.turnstone.bench;

import dev.turnstone.trainerbridge.client.Delivered;
import dev.turnstone.trainerbridge.client.FeedClient;
import dev.turnstone.trainerbridge.client.FeedClosed;
import dev.turnstone.trainerbridge.client.FeedOptions;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A trainer's process that trains nothing: takes groups, checkpoints them in its [ChaosLedger],
/// commits. It goes on from its ledger, whatever killed it.
public final class ChaosConsumer {
  private static final int STEP = 4;
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final FeedClient feed;
  private final ChaosLedger ledger;

  private ChaosConsumer(FeedClient feed, ChaosLedger ledger) {
    this.feed = feed;
    this.ledger = ledger;
  }

  /// Consumes until the feed ends.
  ///
  /// @param args server, run, ledger
  public static void main(String[] args) throws Exception {
    ChaosLedger ledger = new ChaosLedger(Path.of(args[2]));
    ledger.repair();
    List<ChaosLedger.Line> known = ledger.read();
    long commit = known.isEmpty() ? 0 : known.getLast().seq();
    FeedOptions options = FeedOptions.of(URI.create(args[0]), args[1], "chaos").withCommit(commit);
    try (FeedClient feed = FeedClient.connect(options, PATIENCE)) {
      feed.open(2 * STEP, 64 << 20);
      new ChaosConsumer(feed, ledger).consume();
    } catch (FeedClosed e) {
      System.out.println("closed: " + e.getMessage());
      System.exit(3);
    }
  }

  private void consume() throws FeedClosed, IOException, InterruptedException {
    List<ChaosLedger.Line> step = new ArrayList<>();
    while (true) {
      Optional<Delivered> next =
          feed.take(step.isEmpty() ? Duration.ofSeconds(5) : Duration.ofMillis(200));
      boolean ended = next.filter(Delivered.End.class::isInstance).isPresent();
      next.flatMap(ChaosConsumer::line).ifPresent(step::add);
      if (!step.isEmpty() && (step.size() == STEP || next.isEmpty() || ended)) commit(step);
      if (ended) return;
    }
  }

  private void commit(List<ChaosLedger.Line> step) throws IOException {
    ledger.append(step);
    long seq = step.getLast().seq();
    feed.trained(seq, 0);
    feed.commit(seq, 0, "ledger-" + seq);
    step.clear();
  }

  private static Optional<ChaosLedger.Line> line(Delivered delivered) {
    return switch (delivered) {
      case Delivered.Group(var frame) ->
          Optional.of(new ChaosLedger.Line(frame.seq(), frame.group(), "trained"));
      case Delivered.Dropped(var dropped) ->
          Optional.of(new ChaosLedger.Line(dropped.seq(), dropped.group(), "dropped"));
      case Delivered.End _ -> Optional.empty();
    };
  }
}
