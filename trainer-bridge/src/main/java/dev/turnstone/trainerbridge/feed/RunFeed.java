package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.log.RunTable;
import dev.turnstone.trainerbridge.log.RunTable.Marks;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.weights.WeightsUpload;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.FeedMessage.Hello;
import dev.turnstone.trainerbridge.wire.FeedMessage.Resume;
import dev.turnstone.trainerbridge.wire.FeedMessage.Role;
import dev.turnstone.trainerbridge.wire.FeedMessage.Welcome;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.ReentrantLock;

/// A run's side of the feed that outlives connections: epoch and cursors, as the log has them.
///
/// The log decides, because a trainer may come to another server that shares it; what is kept here
/// is the newest that this server knows. Guarded by its run's lock, which the methods called by
/// sessions take themselves.
public final class RunFeed {
  private final FeedOwner run;
  private final RunSpec spec;
  private final ReentrantLock lock;
  private final FeedDeliveries deliveries;
  private final RunTable runs;
  private final Subscribers subscribers = new Subscribers();

  private volatile Marks marks;
  private long received;

  public RunFeed(FeedOwner run, RunTable.Stored stored, ReentrantLock lock) {
    this.run = run;
    this.spec = stored.spec();
    this.lock = lock;
    deliveries = new FeedDeliveries(run, this::marks, lock);
    runs = run.log().runs();
    marks = stored.marks();
    received = marks.committed();
  }

  /// What a session may send from.
  ///
  /// @param held last seq that the client has
  record Attached(Welcome welcome, long held) {}

  // What sessions call.

  Attached attach(FeedSession session, Hello hello) throws FeedRefusal {
    lock.lock();
    try {
      FeedGreeting greeting = new FeedGreeting(run, hello);
      greeting.check(marks);
      // Another server may have moved them.
      refresh(runs.find(spec.run()).orElseThrow().marks());
      Resume resume = greeting.resume(marks);
      if (hello.role() == Role.TRAIN) take(session, resume);
      else subscribers.observe(session);
      return new Attached(greeting.welcome(marks), resume.held());
    } finally {
      lock.unlock();
    }
  }

  private void take(FeedSession session, Resume resume) {
    marks = runs.attach(spec.run(), resume.commit(), resume.held(), run.applied());
    received = resume.held();
    subscribers.train(session, marks.epoch());
  }

  void detach(FeedSession session) {
    lock.lock();
    try {
      subscribers.remove(session);
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

  void received(long seq) {
    lock.lock();
    try {
      received = Math.max(received, seq);
    } finally {
      lock.unlock();
    }
  }

  void trained(FeedMessage.Trained message) throws FeedRefusal {
    lock.lock();
    try {
      requireCurrent(message.epoch());
      moved(
          runs.trained(
              spec.run(), message.epoch(), message.seq(), message.version(), run.applied()),
          message.epoch());
    } finally {
      lock.unlock();
    }
  }

  void commit(FeedMessage.Commit message) throws FeedRefusal {
    lock.lock();
    try {
      requireCurrent(message.epoch());
      moved(
          runs.committed(
              spec.run(),
              message.epoch(),
              message.seq(),
              message.version(),
              message.checkpoint(),
              run.applied()),
          message.epoch());
    } finally {
      lock.unlock();
    }
  }

  private void moved(Optional<Marks> fresh, long epoch) throws FeedRefusal {
    marks = fresh.orElseThrow(() -> fenced(epoch, "another"));
    run.admit();
  }

  Dropped nack(FeedMessage.Nack message) {
    lock.lock();
    try {
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

  WeightsUpload upload() throws IOException {
    return run.upload();
  }

  void stats(FeedMessage.Stats stats) {
    run.stats(stats.figures());
  }

  /// The head, if nothing will ever follow it.
  OptionalLong end() {
    lock.lock();
    try {
      return run.finished() ? OptionalLong.of(head()) : OptionalLong.empty();
    } finally {
      lock.unlock();
    }
  }

  FeedDeliveries deliveries() {
    return deliveries;
  }

  // What the run calls; it holds the lock.

  /// The newest cursors that this server knows. Needs no lock.
  public Marks marks() {
    return marks;
  }

  /// Highest seq there is.
  public long head() {
    return marks.head();
  }

  /// A group of this server got its seq.
  public void settled(Marks fresh) {
    if (fresh.head() > head()) marks = marks.at(fresh.head(), fresh.step(), fresh.stepGroups());
  }

  /// Takes what this server wrote.
  public void wrote(Marks fresh) {
    marks = fresh;
  }

  /// Takes what another server may have written.
  ///
  /// @return whether it is news
  public boolean refresh(Marks fresh) {
    Marks was = marks;
    if (fresh.epoch() < was.epoch() || fresh.head() < was.head() || fresh.equals(was)) return false;
    marks = fresh;
    if (fresh.epoch() > was.epoch()) subscribers.fence(fresh.epoch());
    return true;
  }

  public boolean admits() {
    return subscribers.admits();
  }

  public boolean hasTrainer() {
    return subscribers.hasTrainer();
  }

  public void weightsApplied(boolean newLineage) {
    marks = runs.applied(spec.run(), run.applied(), newLineage);
  }

  public void wake() {
    subscribers.wake();
  }

  public void close(int code, String reason) {
    subscribers.close(code, reason);
  }

  /// Waits a little for the sessions to say goodbye. Called without the lock.
  public void awaitLeft() {
    List<FeedSession> leaving;
    lock.lock();
    try {
      leaving = subscribers.all();
    } finally {
      lock.unlock();
    }
    leaving.forEach(FeedSession::join);
  }

  public void count(Map<String, Long> counters) {
    counters.put("head", marks.head());
    counters.put("epoch", marks.epoch());
    counters.put("received", received);
    counters.put("trained", marks.trained());
    counters.put("commit", marks.committed());
    counters.put("released", marks.released());
    counters.put("kept_from", marks.keptFrom());
    subscribers.count(counters);
  }

  private void requireCurrent(long claimed) throws FeedRefusal {
    if (claimed != marks.epoch()) throw fenced(claimed, String.valueOf(marks.epoch()));
  }

  private static FeedRefusal fenced(long claimed, String current) {
    return new FeedRefusal(
        CloseCode.FENCED, "epoch %d is over: the run's is %s".formatted(claimed, current));
  }
}
