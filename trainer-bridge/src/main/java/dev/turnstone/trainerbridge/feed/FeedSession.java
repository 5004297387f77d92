package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.feed.FeedDeliveries.Delivery;
import dev.turnstone.trainerbridge.feed.RunFeed.Attached;
import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.Compression;
import dev.turnstone.trainerbridge.wire.FeedJson;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.FeedMessage.Credit;
import dev.turnstone.trainerbridge.wire.FeedMessage.Heartbeat;
import dev.turnstone.trainerbridge.wire.FeedMessage.Hello;
import dev.turnstone.trainerbridge.wire.FeedMessage.Role;
import dev.turnstone.trainerbridge.wire.FeedProtocol;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The feed's state machine for one connection.
///
/// Two threads drive it. The connection's reader calls [#onText], [#onBinary] and [#onClosed], one
/// call at a time and in order; these may block on the log, so not on an event loop. The session's
/// own virtual thread, begun by [#start], sends groups and replies and owns the position in the
/// feed; [Heartbeats] and [WeightsUpdates] have threads of their own. Between them: credit (added
/// by the reader, spent by the writer), a bounded outbox (filled by the reader, emptied by the
/// writer) and the reason to close. What outlives the connection is in the [RunFeed].
public final class FeedSession {
  private static final Duration GOODBYE = Duration.ofSeconds(5);
  private static final int OUTBOX = 256;
  private static final Logger LOG = LoggerFactory.getLogger(FeedSession.class);

  private final RunFeed feed;
  private final FeedSocket socket;
  private final LongSupplier nanoTime;

  private final FeedCredit credit = new FeedCredit();
  private final Heartbeats heartbeats;
  private final WeightsUpdates updates;
  private final BlockingQueue<FeedMessage> outbox = new ArrayBlockingQueue<>(OUTBOX);
  private final AtomicReference<@Nullable FeedRefusal> closing = new AtomicReference<>();
  private final Semaphore wake = new Semaphore(0);
  private volatile long lastHeard;
  private volatile Optional<Subscription> subscription = Optional.empty();

  private volatile Optional<Thread> writer = Optional.empty();

  // Of the writing thread, which alone changes it.
  private volatile long sent;

  // Of the writing thread.
  private boolean endSent;

  /// @param held last seq that the client had when it came
  private record Subscription(
      Role role, long epoch, long held, Compression compression, Duration heartbeat) {}

  public FeedSession(RunFeed feed, FeedSocket socket, LongSupplier nanoTime) {
    this.feed = feed;
    this.socket = socket;
    this.nanoTime = nanoTime;
    lastHeard = nanoTime.getAsLong();
    heartbeats = new Heartbeats(socket, nanoTime, this::pace);
    updates =
        new WeightsUpdates(feed, this::reply, refusal -> close(refusal.code(), refusal.reason()));
    sent = -1;
  }

  /// Begins to write. Call once.
  public void start() {
    // First, since the writer stops them.
    heartbeats.start(() -> close(CloseCode.GOING_AWAY, "the connection is gone"));
    writer = Optional.of(Thread.ofVirtual().name("feed").start(this::write));
  }

  /// Waits a little for the writer, which was told to close.
  void join() {
    try {
      if (writer.isPresent() && !writer.get().join(GOODBYE)) LOG.warn("a feed did not close");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// A text frame came.
  public void onText(String frame) {
    hear(() -> handle(FeedJson.decodeFromClient(frame)));
  }

  /// A binary frame came: bytes of a file of weights.
  public void onBinary(byte[] frame) {
    hear(() -> updates.bytes(frame));
  }

  @FunctionalInterface
  private interface Heard {
    void handle() throws FeedRefusal;
  }

  /// Whatever fails ends the connection: a reader that is gone would leave a peer that nobody
  /// hears.
  private void hear(Heard frame) {
    lastHeard = nanoTime.getAsLong();
    if (closing.get() != null) return;
    try {
      frame.handle();
    } catch (FeedRefusal refusal) {
      close(refusal.code(), refusal.reason());
    } catch (IllegalArgumentException e) {
      close(CloseCode.PROTOCOL, String.valueOf(e.getMessage()));
    } catch (LogException e) {
      LOG.error("a feed message could not be logged", e);
      close(CloseCode.INTERNAL, "the log failed");
    } catch (RuntimeException | Error e) {
      LOG.error("a feed message failed", e);
      close(CloseCode.INTERNAL, "the feed failed");
    }
  }

  /// The connection is gone.
  public void onClosed() {
    close(CloseCode.NORMAL, "the peer closed");
  }

  /// Ends the session; the first reason counts.
  void close(int code, String reason) {
    closing.compareAndSet(null, new FeedRefusal(code, reason));
    wake();
  }

  /// There may be something to send.
  void wake() {
    if (wake.availablePermits() == 0) wake.release();
  }

  boolean hasCredit() {
    return credit.isLeft();
  }

  void count(Map<String, Long> counters) {
    credit.count(counters);
  }

  private void handle(FeedMessage message) throws FeedRefusal {
    if (message instanceof Heartbeat) return;
    if (message instanceof Hello hello) {
      subscribe(hello);
      return;
    }
    Role role =
        subscription
            .orElseThrow(
                () -> new FeedRefusal(CloseCode.PROTOCOL, "the first message is not hello"))
            .role();
    if (message instanceof Credit granted) {
      grant(granted);
      return;
    }
    if (role == Role.OBSERVE)
      throw new FeedRefusal(
          CloseCode.PROTOCOL, "an observer only reads: " + message.getClass().getSimpleName());
    switch (message) {
      case FeedMessage.Received(long seq) -> {
        requireSent("received", seq);
        feed.received(seq);
      }
      case FeedMessage.Trained trained -> {
        requireSent("trained", trained.seq());
        feed.trained(trained);
      }
      case FeedMessage.Commit commit -> {
        requireSent("commit", commit.seq());
        feed.commit(commit);
      }
      case FeedMessage.Nack nack -> {
        requireSent("nack", nack.seq());
        if (nack.seq() < 1) throw new FeedRefusal(CloseCode.PROTOCOL, "nack: seq < 1");
        reply(feed.nack(nack));
      }
      case FeedMessage.WeightsFile file -> updates.file(file);
      case FeedMessage.Weights(WeightsRequest request) -> updates.begin(request);
      case FeedMessage.Stats stats -> feed.stats(stats);
      default ->
          throw new IllegalStateException(
              "not from a client: " + message.getClass().getSimpleName());
    }
  }

  /// A cursor may only cover what this connection brought or its hello said it held.
  private void requireSent(String what, long seq) throws FeedRefusal {
    long known = Math.max(sent, subscription.map(Subscription::held).orElse(0L));
    if (seq > known)
      throw new FeedRefusal(
          CloseCode.PROTOCOL,
          "%s: seq is above %d, the last that was sent: %d".formatted(what, known, seq));
  }

  private void subscribe(Hello hello) throws FeedRefusal {
    if (subscription.isPresent()) throw new FeedRefusal(CloseCode.PROTOCOL, "hello came twice");
    Attached attached = feed.attach(this, hello);
    LOG.info("{} {}s from seq {}", hello.consumer(), hello.role(), attached.held() + 1);
    reply(attached.welcome());
    // After the welcome is in the outbox, so that no group overtakes it.
    subscription =
        Optional.of(
            new Subscription(
                hello.role(),
                attached.welcome().epoch(),
                attached.held(),
                hello.compression(),
                hello.heartbeat()));
    wake();
  }

  private void grant(Credit granted) throws FeedRefusal {
    // Admission asks whether there is any, so only the first of it is news.
    if (credit.grant(granted)) feed.creditGranted();
    wake();
  }

  private void reply(FeedMessage message) {
    if (!outbox.offer(message)) close(CloseCode.PROTOCOL, "more replies than the peer reads");
    wake();
  }

  private void write() {
    try {
      while (step()) {
        awaitWake(heartbeats.left());
      }
    } catch (InterruptedException e) {
      close(CloseCode.GOING_AWAY, "the server stops");
    } catch (IOException e) {
      LOG.info("a feed's peer is gone: {}", e.getMessage());
      close(CloseCode.GOING_AWAY, "the connection is gone");
    } catch (LogException e) {
      LOG.error("the feed could not read the log", e);
      close(CloseCode.INTERNAL, "the log failed");
    } catch (RuntimeException | Error e) {
      LOG.error("a feed failed", e);
      close(CloseCode.INTERNAL, "the feed failed");
    } finally {
      leave();
    }
  }

  /// Closes the socket and tells the run.
  void leave() {
    heartbeats.stop();
    updates.close();
    FeedRefusal reason = closing.get();
    if (reason != null) socket.close(reason.code(), reason.reason());
    feed.detach(this);
  }

  /// Waits until there may be something to send.
  boolean awaitWake(Duration patience) throws InterruptedException {
    boolean woken = wake.tryAcquire(Math.max(0, patience.toNanos()), TimeUnit.NANOSECONDS);
    if (woken) wake.drainPermits();
    return woken;
  }

  /// Writes all there is to write now.
  ///
  /// @return whether the session goes on
  boolean step() throws IOException, InterruptedException {
    do {
      long now = nanoTime.getAsLong();
      if (now - lastHeard >= FeedProtocol.SILENCE.toNanos())
        close(CloseCode.SILENT, "nothing came for " + FeedProtocol.SILENCE.toSeconds() + " s");
      heartbeats.beat();
      for (FeedMessage reply = outbox.poll(); reply != null; reply = outbox.poll()) send(reply);
      if (closing.get() != null) return false;
    } while (deliver());
    return true;
  }

  /// Sends the next seq.
  ///
  /// @return whether there may be another
  private boolean deliver() throws IOException, InterruptedException {
    if (subscription.isEmpty() || !outbox.isEmpty()) return subscription.isPresent();
    Subscription subscribed = subscription.get();
    if (sent < 0) sent = subscribed.held();
    boolean trains = subscribed.role() == Role.TRAIN;
    long seq = sent + 1;
    Optional<Delivery> next =
        feed.deliveries()
            .next(seq, subscribed.epoch(), hasCredit(), trains, subscribed.compression());
    if (next.isEmpty()) {
      end();
      return false;
    }
    // Before it goes out: the answer may come before the write returns.
    sent = seq;
    switch (next.get()) {
      case Delivery.Gone(FeedMessage.Dropped dropped) -> send(dropped);
      case Delivery.Group(List<byte[]> frames) -> deliver(frames);
    }
    return true;
  }

  private void deliver(List<byte[]> frames) throws IOException, InterruptedException {
    credit.spendGroup();
    for (byte[] frame : frames) {
      credit.spend(frame.length);
      socket.binary(frame);
      heartbeats.beat();
    }
  }

  private Duration pace() {
    return subscription.map(Subscription::heartbeat).orElse(FeedProtocol.HEARTBEAT);
  }

  private void end() throws IOException, InterruptedException {
    OptionalLong head = feed.end();
    if (endSent || head.isEmpty() || head.getAsLong() != sent) return;
    endSent = true;
    send(new FeedMessage.End(sent));
  }

  private void send(FeedMessage message) throws IOException, InterruptedException {
    socket.text(FeedJson.encode(message));
  }
}
