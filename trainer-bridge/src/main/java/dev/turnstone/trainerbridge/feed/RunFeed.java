package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.RunTable;
import dev.turnstone.trainerbridge.log.RunTable.Cursors;
import dev.turnstone.trainerbridge.spec.RunPhase;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.FeedMessage.Hello;
import dev.turnstone.trainerbridge.wire.FeedMessage.Limits;
import dev.turnstone.trainerbridge.wire.FeedMessage.Resume;
import dev.turnstone.trainerbridge.wire.FeedMessage.Role;
import dev.turnstone.trainerbridge.wire.FeedMessage.Welcome;
import dev.turnstone.trainerbridge.wire.FeedProtocol;
import dev.turnstone.trainerbridge.wire.RowCheck;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.ReentrantLock;

/// A run's side of the feed that outlives connections: epoch, cursors and what each seq is.
///
/// Guarded by its run's lock, which the methods called by sessions take themselves.
public final class RunFeed {
  private static final int MAX_OBSERVERS = 16;

  private final FeedOwner run;
  private final RunSpec spec;
  private final Admission admission;
  private final ReentrantLock lock;
  private final GroupTable groups;
  private final FeedDeliveries deliveries;
  private final RunTable runs;

  private final List<FeedSession> observers = new ArrayList<>();
  private Optional<FeedSession> trainer = Optional.empty();
  private Cursors cursors;
  private long epoch;
  private long keptFrom;
  private long received;

  public RunFeed(FeedOwner run, RunTable.Stored stored, Admission admission, ReentrantLock lock) {
    this.run = run;
    this.spec = stored.spec();
    this.admission = admission;
    this.lock = lock;
    groups = run.log().groups();
    deliveries = new FeedDeliveries(run, admission, lock);
    runs = run.log().runs();
    cursors = stored.cursors();
    epoch = stored.epoch();
    keptFrom = stored.keptFrom();
    received = cursors.committed();
  }

  /// What a session may send from.
  ///
  /// @param held last seq that the client has
  record Attached(Welcome welcome, long held) {}

  // What sessions call.

  Attached attach(FeedSession session, Hello hello) throws FeedRefusal {
    lock.lock();
    try {
      check(hello);
      long head = run.head();
      Resume resume =
          hello
              .resume()
              .orElse(
                  hello.role() == Role.TRAIN
                      ? new Resume(cursors.committed(), cursors.committed())
                      : new Resume(head, head));
      if (resume.held() > head)
        throw notKept("held %d is above head %d".formatted(resume.held(), head));
      if (resume.commit() + 1 < keptFrom)
        throw notKept("seq %d is not kept".formatted(resume.commit() + 1));
      if (hello.role() == Role.TRAIN) take(session, resume);
      else observe(session);
      return new Attached(welcome(), resume.held());
    } finally {
      lock.unlock();
    }
  }

  private void check(Hello hello) throws FeedRefusal {
    if (run.phase() == RunPhase.CANCELLED)
      throw new FeedRefusal(CloseCode.NORMAL, "run " + spec.run() + " was cancelled");
    if (!hello.run().equals(spec.run()))
      throw new FeedRefusal(
          CloseCode.REFUSED, "this is the feed of run %s: %s".formatted(spec.run(), hello.run()));
    Optional<String> difference = hello.expected().difference(spec);
    if (difference.isPresent()) throw new FeedRefusal(CloseCode.REFUSED, difference.get());
  }

  /// The newest trainer wins. It can only have trained what it holds, so what its predecessor
  /// trained beyond that is untrained again.
  private void take(FeedSession session, Resume resume) {
    long trained = Math.clamp(cursors.trained(), resume.commit(), resume.held());
    int version =
        trained < cursors.trained()
            ? runs.checkpointVersion(spec.run(), trained).orElse(cursors.trainedVersion())
            : cursors.trainedVersion();
    Cursors taken =
        new Cursors(resume.commit(), trained, version, Math.min(admission.released(), trained));
    runs.attached(spec.run(), epoch + 1, taken);
    epoch++;
    cursors = taken;
    received = resume.held();
    trainer.ifPresent(
        older -> older.close(CloseCode.FENCED, "epoch %d took the run".formatted(epoch)));
    trainer = Optional.of(session);
    restore();
  }

  private void observe(FeedSession session) throws FeedRefusal {
    if (observers.size() >= MAX_OBSERVERS)
      throw new FeedRefusal(CloseCode.REFUSED, "the run has " + MAX_OBSERVERS + " observers");
    observers.add(session);
  }

  void detach(FeedSession session) {
    lock.lock();
    try {
      observers.remove(session);
      trainer = trainer.filter(current -> current != session);
      // Without a trainer, only the bound closes admission.
      run.admit();
    } finally {
      lock.unlock();
    }
  }

  void creditGranted() {
    lock.lock();
    try {
      run.admit();
    } finally {
      lock.unlock();
    }
  }

  void received(long seq) throws FeedRefusal {
    lock.lock();
    try {
      requireKnown("received", seq);
      received = Math.max(received, seq);
    } finally {
      lock.unlock();
    }
  }

  void trained(FeedMessage.Trained message) throws FeedRefusal {
    lock.lock();
    try {
      requireCurrent(message.epoch());
      requireKnown("trained", message.seq());
      if (message.seq() <= cursors.trained()) return;
      admission.trained(message.seq(), message.version(), run.applied());
      Cursors moved = moved(cursors.committed());
      runs.moved(spec.run(), moved);
      cursors = moved;
      run.admit();
    } finally {
      lock.unlock();
    }
  }

  /// A checkpoint covers what was trained, whether or not `trained` said so.
  void commit(FeedMessage.Commit message) throws FeedRefusal {
    lock.lock();
    try {
      requireCurrent(message.epoch());
      requireKnown("commit", message.seq());
      if (message.seq() < cursors.committed()) return;
      admission.trained(message.seq(), message.version(), run.applied());
      Cursors moved = moved(message.seq());
      keptFrom = runs.committed(spec.run(), moved, message.version(), message.checkpoint());
      cursors = moved;
      run.admit();
    } finally {
      lock.unlock();
    }
  }

  Dropped nack(FeedMessage.Nack message) throws FeedRefusal {
    lock.lock();
    try {
      requireKnown("nack", message.seq());
      if (message.seq() < 1) throw new FeedRefusal(CloseCode.PROTOCOL, "nack: seq < 1");
      return deliveries.refuse(message.seq(), message.reason());
    } finally {
      lock.unlock();
    }
  }

  WeightsOutcome weights(WeightsRequest request) throws FeedRefusal {
    if (request.run().filter(name -> !name.equals(spec.run())).isPresent())
      throw new FeedRefusal(
          CloseCode.PROTOCOL, "weights for another run: " + request.run().orElseThrow());
    if (request.epoch().isEmpty())
      throw new FeedRefusal(CloseCode.PROTOCOL, "weights: epoch is missing");
    lock.lock();
    try {
      requireCurrent(request.epoch().getAsLong());
    } finally {
      lock.unlock();
    }
    return run.apply(request.from(spec.run(), request.epoch().getAsLong()));
  }

  void stats(FeedMessage.Stats stats) {
    run.stats(stats.figures());
  }

  /// The head, if nothing will ever follow it.
  OptionalLong end() {
    lock.lock();
    try {
      return run.finished() ? OptionalLong.of(run.head()) : OptionalLong.empty();
    } finally {
      lock.unlock();
    }
  }

  // What the run calls; it holds the lock.

  public FeedDeliveries deliveries() {
    return deliveries;
  }

  public void restore() {
    admission.restore(cursors, groups.completeAfter(spec.run(), cursors.released()), run.applied());
  }

  public boolean admits() {
    return trainer.map(FeedSession::hasCredit).orElse(true);
  }

  public boolean hasTrainer() {
    return trainer.isPresent();
  }

  public long epoch() {
    lock.lock();
    try {
      return epoch;
    } finally {
      lock.unlock();
    }
  }

  public void weightsApplied(boolean newLineage) {
    long before = admission.released();
    admission.applied(run.applied(), newLineage);
    if (admission.released() == before) return;
    Cursors moved = moved(cursors.committed());
    runs.moved(spec.run(), moved);
    cursors = moved;
  }

  public void wake() {
    trainer.ifPresent(FeedSession::wake);
    observers.forEach(FeedSession::wake);
  }

  public void close(int code, String reason) {
    trainer.ifPresent(session -> session.close(code, reason));
    observers.forEach(session -> session.close(code, reason));
  }

  /// Waits a little for the sessions to say goodbye. Called without the lock.
  public void awaitLeft() {
    List<FeedSession> leaving = new ArrayList<>();
    lock.lock();
    try {
      leaving.addAll(observers);
      trainer.ifPresent(leaving::add);
    } finally {
      lock.unlock();
    }
    leaving.forEach(FeedSession::join);
  }

  public void count(Map<String, Long> counters) {
    counters.put("epoch", epoch);
    counters.put("received", received);
    counters.put("trained", cursors.trained());
    counters.put("commit", cursors.committed());
    counters.put("released", admission.released());
    counters.put("kept_from", keptFrom);
    counters.put("observers", (long) observers.size());
    trainer.ifPresent(session -> session.count(counters));
  }

  private Cursors moved(long committed) {
    return new Cursors(
        committed, admission.trained(), admission.trainedVersion(), admission.released());
  }

  private Welcome welcome() {
    return new Welcome(
        epoch,
        run.head(),
        cursors.committed(),
        run.applied().version(),
        run.applied().lineage(),
        run.policy(),
        "policy",
        new Limits(
            FeedProtocol.MAX_MESSAGE_BYTES,
            RowCheck.MAX_BYTES,
            spec.maxStaleness(),
            spec.groupsPerVersion(),
            spec.groupSize()));
  }

  private void requireCurrent(long claimed) throws FeedRefusal {
    if (claimed != epoch)
      throw new FeedRefusal(
          CloseCode.FENCED, "epoch %d is over: the run's is %d".formatted(claimed, epoch));
  }

  private void requireKnown(String what, long seq) throws FeedRefusal {
    if (seq > run.head())
      throw new FeedRefusal(
          CloseCode.PROTOCOL, "%s: seq is above head %d: %d".formatted(what, run.head(), seq));
  }

  private FeedRefusal notKept(String why) {
    return new FeedRefusal(
        CloseCode.GONE, "%s; the first seq there is is %d".formatted(why, keptFrom));
  }
}
