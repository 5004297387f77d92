package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.wire.CloseCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Who is connected to a run's feed at this server: at most one trainer, and observers. Guarded by
/// the run's lock.
final class Subscribers {
  private static final int MAX_OBSERVERS = 16;

  private final List<FeedSession> observers = new ArrayList<>();
  private Optional<FeedSession> trainer = Optional.empty();

  /// The newest trainer replaces the older one, which is closed.
  void train(FeedSession session, long epoch) {
    fence(epoch);
    trainer = Optional.of(session);
  }

  /// Another trainer took the run.
  void fence(long epoch) {
    trainer.ifPresent(
        older -> older.close(CloseCode.FENCED, "epoch %d took the run".formatted(epoch)));
    trainer = Optional.empty();
  }

  void observe(FeedSession session) throws FeedRefusal {
    if (observers.size() >= MAX_OBSERVERS)
      throw new FeedRefusal(CloseCode.REFUSED, "the run has " + MAX_OBSERVERS + " observers");
    observers.add(session);
  }

  void remove(FeedSession session) {
    observers.remove(session);
    trainer = trainer.filter(current -> current != session);
  }

  boolean hasTrainer() {
    return trainer.isPresent();
  }

  /// Without a trainer, only the bound closes admission.
  boolean admits() {
    return trainer.map(FeedSession::hasCredit).orElse(true);
  }

  void wake() {
    all().forEach(FeedSession::wake);
  }

  void close(int code, String reason) {
    all().forEach(session -> session.close(code, reason));
  }

  List<FeedSession> all() {
    List<FeedSession> all = new ArrayList<>(observers);
    trainer.ifPresent(all::add);
    return all;
  }

  void count(Map<String, Long> counters) {
    counters.put("observers", (long) observers.size());
    trainer.ifPresent(session -> session.count(counters));
  }
}
