package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.feed.FeedDeliveries.Delivery;
import dev.turnstone.trainerbridge.feed.RunFeed.Attached;
import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
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
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The feed's state machine for one connection.
///
/// Two threads drive it. The connection's reader calls [#onText], [#onBinary] and [#onClosed], one
/// call at a time and in order; these may block on the log, so not on an event loop. The session's
/// own virtual thread, begun by [#start], owns the socket's writing side, the position in the feed
/// and the heartbeat. Between them: credit (added by the reader, spent by the writer), a bounded
/// outbox (filled by the reader, emptied by the writer) and the reason to close. What outlives the
/// connection is in the [RunFeed].
public final class FeedSession {
  private static final Duration GOODBYE = Duration.ofSeconds(5);
  private static final int OUTBOX = 256;
  private static final long MAX_CREDIT = 1L << 40;
  private static final Logger LOG = LoggerFactory.getLogger(FeedSession.class);

  private final RunFeed feed;
  private final FeedSocket socket;
  private final LongSupplier nanoTime;

  private final AtomicLong groupCredit = new AtomicLong();
  private final AtomicLong byteCredit = new AtomicLong();
  private final BlockingQueue<FeedMessage> outbox = new ArrayBlockingQueue<>(OUTBOX);
  private final AtomicReference<@Nullable FeedRefusal> closing = new AtomicReference<>();
  private final AtomicBoolean updating = new AtomicBoolean();
  private final Semaphore wake = new Semaphore(0);
  private volatile long lastHeard;
  private volatile Optional<Subscription> subscription = Optional.empty();

  private volatile Optional<Thread> writer = Optional.empty();

  // Of the writing thread, which alone changes it.
  private volatile long sent;

  // Of the writing thread.
  private boolean endSent;
  private long lastBeat;

  /// @param held last seq that the client had when it came
  private record Subscription(
      Role role, long epoch, long held, Compression compression, Duration heartbeat) {}

  public FeedSession(RunFeed feed, FeedSocket socket, LongSupplier nanoTime) {
    this.feed = feed;
    this.socket = socket;
    this.nanoTime = nanoTime;
    lastHeard = nanoTime.getAsLong();
    lastBeat = lastHeard;
    sent = -1;
  }

  /// Begins to write. Call once.
  public void start() {
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
    lastHeard = nanoTime.getAsLong();
    if (closing.get() != null) return;
    try {
      handle(FeedJson.decode(frame));
    } catch (FeedRefusal refusal) {
      close(refusal.code(), refusal.reason());
    } catch (IllegalArgumentException e) {
      close(CloseCode.PROTOCOL, String.valueOf(e.getMessage()));
    } catch (LogException e) {
      LOG.error("a feed message could not be logged", e);
      close(CloseCode.INTERNAL, "the log failed");
    }
  }

  /// A binary frame came; the protocol has none in this direction.
  public void onBinary() {
    close(CloseCode.PROTOCOL, "a binary frame from the client");
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
    return groupCredit.get() > 0 && byteCredit.get() > 0;
  }

  void count(Map<String, Long> counters) {
    counters.put("credit_groups", groupCredit.get());
    counters.put("credit_bytes", byteCredit.get());
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
    if (message instanceof Credit credit) {
      grant(credit);
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
      case FeedMessage.Weights(WeightsRequest request) -> update(request);
      case FeedMessage.Stats stats -> feed.stats(stats);
      default ->
          throw new FeedRefusal(
              CloseCode.PROTOCOL, "only a server sends " + message.getClass().getSimpleName());
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

  private void grant(Credit credit) throws FeedRefusal {
    long groups = groupCredit.addAndGet(Math.min(credit.groups(), MAX_CREDIT + 1));
    long bytes = byteCredit.addAndGet(Math.min(credit.bytes(), MAX_CREDIT + 1));
    if (groups > MAX_CREDIT || bytes > MAX_CREDIT)
      throw new FeedRefusal(
          CloseCode.PROTOCOL,
          "credit: %d groups and %d bytes make more than 2^40"
              .formatted(credit.groups(), credit.bytes()));
    feed.creditGranted();
    wake();
  }

  /// Loading weights takes long and the connection must stay alive meanwhile.
  private void update(WeightsRequest request) {
    if (!updating.compareAndSet(false, true)) {
      reply(failed(request, "another update of this connection is under way"));
      return;
    }
    Thread.ofVirtual()
        .name("weights " + request.id().version())
        .start(() -> {
          Optional<FeedMessage> answer = answer(request);
          // Before the answer goes out: its reader may send the next update at once.
          updating.set(false);
          answer.ifPresent(this::reply);
        });
  }

  /// What becomes of an update; empty if it ends the connection.
  private Optional<FeedMessage> answer(WeightsRequest request) {
    try {
      return Optional.of(outcome(request, feed.weights(request)));
    } catch (FeedRefusal refusal) {
      close(refusal.code(), refusal.reason());
      return Optional.empty();
    } catch (LogException e) {
      LOG.error("applied weights could not be logged", e);
      close(CloseCode.INTERNAL, "the log failed");
      return Optional.empty();
    } catch (RuntimeException e) {
      LOG.error("a weight update failed", e);
      return Optional.of(failed(request, "defect: " + e));
    }
  }

  private static FeedMessage outcome(WeightsRequest request, WeightsOutcome outcome) {
    return switch (outcome) {
      case WeightsOutcome.Applied(var update, _) ->
          new FeedMessage.WeightsApplied(
              update.id().lineage(),
              update.id().version(),
              update.loadMillis(),
              update.pauseMillis());
      case WeightsOutcome.Refused(String why) -> failed(request, why);
      case WeightsOutcome.Busy(String why) -> failed(request, why);
    };
  }

  private static FeedMessage failed(WeightsRequest request, String why) {
    return new FeedMessage.WeightsFailed(request.id().lineage(), request.id().version(), why);
  }

  private void reply(FeedMessage message) {
    if (!outbox.offer(message)) close(CloseCode.PROTOCOL, "more replies than the peer reads");
    wake();
  }

  private void write() {
    try {
      while (step()) {
        awaitWake(Duration.ofNanos(lastBeat + pace() - nanoTime.getAsLong()));
      }
    } catch (InterruptedException e) {
      close(CloseCode.GOING_AWAY, "the server stops");
    } catch (IOException e) {
      LOG.info("a feed's peer is gone: {}", e.getMessage());
      close(CloseCode.GOING_AWAY, "the connection is gone");
    } catch (LogException e) {
      LOG.error("the feed could not read the log", e);
      close(CloseCode.INTERNAL, "the log failed");
    } finally {
      leave();
    }
  }

  /// Closes the socket and tells the run.
  void leave() {
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
      beat();
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

  /// Replies and signs of life pass between the parts of a large group.
  private void deliver(List<byte[]> frames) throws IOException, InterruptedException {
    groupCredit.decrementAndGet();
    for (byte[] frame : frames) {
      byteCredit.addAndGet(-frame.length);
      socket.binary(frame);
      beat();
    }
  }

  private long pace() {
    return subscription.map(Subscription::heartbeat).orElse(FeedProtocol.HEARTBEAT).toNanos();
  }

  private void beat() throws IOException, InterruptedException {
    long now = nanoTime.getAsLong();
    if (now - lastBeat < pace()) return;
    lastBeat = now;
    send(Heartbeat.now());
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
