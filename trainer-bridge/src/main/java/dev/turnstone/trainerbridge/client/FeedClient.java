package dev.turnstone.trainerbridge.client;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.weights.WeightsFolder.Published;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedJson;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.FeedMessage.Commit;
import dev.turnstone.trainerbridge.wire.FeedMessage.Hello;
import dev.turnstone.trainerbridge.wire.FeedMessage.Resume;
import dev.turnstone.trainerbridge.wire.FeedMessage.Role;
import dev.turnstone.trainerbridge.wire.FeedMessage.Trained;
import dev.turnstone.trainerbridge.wire.FeedMessage.Welcome;
import dev.turnstone.trainerbridge.wire.GroupAssembler;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// The trainer's side of the feed: groups in order, each once per process, over however many
/// connections that takes.
///
/// The order of calls: [#connect], [#welcome], publish the checkpoint's weights if the server does
/// not serve them, [#open] the window, then [#take] groups, train, [#weights], [#trained], and
/// [#commit] what a checkpoint holds. A process that restarts connects with its checkpoint's commit
/// and gets everything after it again.
///
/// A [FeedConnection] reads, sends heartbeats and reconnects on threads of its own, so a trainer
/// may compute for as long as it likes. One lock guards all state; callers may be on any thread.
public final class FeedClient implements AutoCloseable {
  private final FeedOptions options;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final FeedInbox inbox;
  private final FeedConnection connection;

  private final LongAdder decoding = new LongAdder();
  private final LongAdder decoded = new LongAdder();
  private Optional<Welcome> welcome = Optional.empty();
  private boolean connected;
  private boolean begun;
  private OptionalLong committed;
  private Optional<Trained> trained = Optional.empty();
  private Optional<Commit> commit = Optional.empty();
  private final List<FeedMessage.Nack> unsaid = new ArrayList<>();
  private Optional<FeedClosed> closed = Optional.empty();
  private final WeightsSender updates;

  private FeedClient(FeedOptions options) {
    this.options = options;
    committed = options.commit();
    inbox = new FeedInbox(committed.orElse(0));
    begun = committed.isPresent();
    connection = new FeedConnection(options, new Wire());
    updates = new WeightsSender(options.run(), lock, changed, new Sending());
  }

  /// Connects, and goes on trying until the server welcomes it.
  ///
  /// @throws FeedClosed if the server refuses this trainer, or none was reached in time
  public static FeedClient connect(FeedOptions options, Duration timeout)
      throws FeedClosed, InterruptedException {
    FeedClient client = new FeedClient(options);
    client.connection.start();
    Optional<FeedClosed> refusal = client.awaitWelcome(timeout);
    if (refusal.isEmpty()) return client;
    client.connection.close();
    throw refusal.get();
  }

  private Optional<FeedClosed> awaitWelcome(Duration timeout) throws InterruptedException {
    lock.lock();
    try {
      long left = timeout.toNanos();
      while (welcome.isEmpty() && closed.isEmpty() && left > 0) left = changed.awaitNanos(left);
      if (closed.isPresent() || welcome.isPresent()) return closed;
      String why = "no welcome from %s in time".formatted(options.server());
      return Optional.of(new FeedClosed(CloseCode.SILENT, why));
    } finally {
      lock.unlock();
    }
  }

  /// The newest welcome. Its epoch changes with every connection.
  public Welcome welcome() {
    lock.lock();
    try {
      return welcome.orElseThrow();
    } finally {
      lock.unlock();
    }
  }

  /// Time spent on turning messages into groups, in nanoseconds.
  public long decodeNanos() {
    return decoding.sum();
  }

  /// Groups that came.
  public long decoded() {
    return decoded.sum();
  }

  /// Lets groups come, at most so many and so many bytes ahead of [#take].
  public void open(int groups, long bytes) {
    if (groups < 1 || bytes < 1)
      throw new IllegalArgumentException("window: %d groups, %d bytes".formatted(groups, bytes));
    lock.lock();
    try {
      inbox.widen(groups, bytes);
      topUp();
    } finally {
      lock.unlock();
    }
  }

  /// The next of the feed, or empty if none came in time.
  ///
  /// @throws FeedClosed if nothing more will come
  public Optional<Delivered> take(Duration timeout) throws FeedClosed, InterruptedException {
    long left = timeout.toNanos();
    lock.lock();
    try {
      while (true) {
        Optional<Delivered> next = inbox.take();
        if (next.isPresent()) {
          topUp();
          return next;
        }
        if (closed.isPresent()) throw closed.get();
        if (left <= 0) return Optional.empty();
        left = changed.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }

  /// The step over groups up to `seq` is done; it made `version`.
  public void trained(long seq, int version) {
    lock.lock();
    try {
      trained = Optional.of(new Trained(0, seq, version));
      sendTrained();
    } finally {
      lock.unlock();
    }
  }

  /// Groups up to `seq` are in a durable checkpoint that holds `version`.
  public void commit(long seq, int version, String checkpoint) {
    lock.lock();
    try {
      committed = OptionalLong.of(seq);
      commit = Optional.of(new Commit(0, seq, version, checkpoint));
      sendCommit();
    } finally {
      lock.unlock();
    }
  }

  /// A group cannot be trained. It stays taken; the server quarantines it.
  public void nack(long seq, String reason) {
    lock.lock();
    try {
      FeedMessage.Nack nack = new FeedMessage.Nack(seq, reason);
      if (connected) send(nack);
      else unsaid.add(nack);
    } finally {
      lock.unlock();
    }
  }

  /// Figures of a step, for people.
  public void stats(ObjectNode figures) {
    lock.lock();
    try {
      send(new FeedMessage.Stats(figures));
    } finally {
      lock.unlock();
    }
  }

  /// Names new weights' folder to the server and waits until they serve or are refused, across
  /// reconnects.
  ///
  /// @return `WeightsApplied` or `WeightsFailed`
  /// @throws FeedClosed if the feed ended, or no answer came in time
  public FeedMessage weights(Published published, Duration timeout)
      throws FeedClosed, IOException, InterruptedException {
    return updates.send(published, false, timeout);
  }

  /// The same, sending the files themselves to a server that does not see the folder.
  public FeedMessage stream(Published published, Duration timeout)
      throws FeedClosed, IOException, InterruptedException {
    return updates.send(published, true, timeout);
  }

  /// Says goodbye after what was sent and waits for that a little.
  @Override
  public void close() {
    connection.close();
  }

  private void topUp() {
    if (connected) inbox.topUp().ifPresent(this::send);
  }

  private void sendTrained() {
    long epoch = welcome.orElseThrow().epoch();
    trained.ifPresent(t -> send(new Trained(epoch, t.seq(), t.version())));
  }

  private void sendCommit() {
    long epoch = welcome.orElseThrow().epoch();
    commit.ifPresent(c -> send(new Commit(epoch, c.seq(), c.version(), c.checkpoint())));
  }

  /// What is lost while unconnected is said again after the next welcome, or was of no weight.
  private void send(FeedMessage message) {
    if (connected) connection.send(FeedJson.encode(message));
  }

  /// What the connection tells, on its threads.
  private final class Wire implements FeedConnection.Listener {
    // Of the reader.
    private final GroupAssembler assembler = new GroupAssembler();
    private long bytes;

    @Override
    public String hello() {
      lock.lock();
      try {
        Optional<Resume> resume =
            begun ? Optional.of(new Resume(committed.orElse(0), inbox.held())) : Optional.empty();
        return FeedJson.encode(
            new Hello(
                options.run(),
                Role.TRAIN,
                options.consumer(),
                resume,
                options.expected(),
                options.compression(),
                options.heartbeat()));
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void text(String frame) throws FeedClosed {
      FeedMessage message = FeedJson.decode(frame);
      lock.lock();
      try {
        switch (message) {
          case Welcome fresh -> welcomed(fresh);
          case FeedMessage.Dropped dropped ->
              inbox.arrived(dropped.seq(), new Delivered.Dropped(dropped), 0);
          case FeedMessage.WeightsApplied applied ->
              updates.answered(applied.lineage(), applied.version(), applied);
          case FeedMessage.WeightsFailed failed ->
              updates.answered(failed.lineage(), failed.version(), failed);
          case FeedMessage.End(long head) -> inbox.ended(new Delivered.End(head));
          case FeedMessage.Heartbeat beat -> options.beats().accept(beat);
          default -> throw new IllegalArgumentException("a server does not send " + message);
        }
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void binary(byte[] frame) {
      long started = System.nanoTime();
      Optional<GroupFrame> whole = assembler.add(frame);
      decoding.add(System.nanoTime() - started);
      bytes += frame.length;
      if (whole.isEmpty()) return;
      GroupFrame group = whole.get();
      decoded.increment();
      long size = bytes;
      bytes = 0;
      Optional<String> violation = group.violation(welcome().policy().vocabSize());
      lock.lock();
      try {
        Delivered delivered =
            violation
                .<Delivered>map(why -> new Delivered.Dropped(refused(group, why)))
                .orElse(new Delivered.Group(group));
        if (!inbox.arrived(group.seq(), delivered, size)) return;
        violation.ifPresent(why -> send(new FeedMessage.Nack(group.seq(), why)));
        send(new FeedMessage.Received(group.seq()));
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void disconnected() {
      assembler.reset();
      bytes = 0;
      lock.lock();
      try {
        connected = false;
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void ended(FeedClosed why) {
      lock.lock();
      try {
        connected = false;
        closed = Optional.of(why);
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    private void welcomed(Welcome fresh) throws FeedClosed {
      if (options.policy().isPresent() && !options.policy().get().equals(fresh.policy()))
        throw new FeedClosed(
            CloseCode.REFUSED,
            "the server's policy is %s, not %s".formatted(fresh.policy(), options.policy().get()));
      if (!begun) {
        inbox.begin(fresh.commit());
        committed = OptionalLong.of(fresh.commit());
      }
      begun = true;
      connected = true;
      welcome = Optional.of(fresh);
      inbox.reconnected();
      sendTrained();
      sendCommit();
      unsaid.forEach(FeedClient.this::send);
      unsaid.clear();
      topUp();
    }
  }

  /// The connection as an update sees it.
  private final class Sending implements WeightsSender.Session {
    @Override
    public OptionalLong epoch() {
      return connected ? OptionalLong.of(welcome.orElseThrow().epoch()) : OptionalLong.empty();
    }

    @Override
    public Optional<FeedClosed> closed() {
      return closed;
    }

    @Override
    public void send(FeedMessage message) {
      FeedClient.this.send(message);
    }

    @Override
    public Optional<FeedConnection.Uplink> uplink() {
      return connection.uplink();
    }
  }

  private static FeedMessage.Dropped refused(GroupFrame group, String why) {
    return new FeedMessage.Dropped(
        group.seq(),
        group.group(),
        Settlement.REFUSED + ": " + why,
        group.rows().stream().map(row -> row.data().length()).toList(),
        List.of());
  }
}
