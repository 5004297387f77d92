package dev.turnstone.trainerbridge.client;

import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedJson;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.FeedProtocol;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okio.ByteString;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A client's WebSocket to a feed, one after another: connects, sends heartbeats, notices silence,
/// comes back with growing pauses, and gives up when coming back would not help.
///
/// One thread of its own does all that; OkHttp's reader calls the listener.
public final class FeedConnection implements AutoCloseable {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
  private static final Duration GOODBYE = Duration.ofSeconds(5);

  /// OkHttp gives a connection up whose queue reaches 16 MiB.
  private static final long QUEUED_BYTES = 4 << 20;

  private static final Duration ROOM_PAUSE = Duration.ofMillis(2);
  private static final Logger LOG = LoggerFactory.getLogger(FeedConnection.class);

  private final Request request;
  private final Listener listener;
  private final OkHttpClient http =
      new OkHttpClient.Builder().connectTimeout(Duration.ofSeconds(10)).build();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Thread thread;

  private Optional<Link> link = Optional.empty();
  private boolean closed;

  FeedConnection(FeedOptions options, Listener listener) {
    String feed = "/v1/runs/" + options.run() + "/feed";
    Request.Builder builder =
        new Request.Builder()
            .url(options.server().resolve(feed).toString())
            .header("Sec-WebSocket-Protocol", FeedProtocol.NAME);
    options.apiKey().ifPresent(key -> builder.header("Authorization", "Bearer " + key));
    this.request = builder.build();
    this.listener = listener;
    // A platform thread: a trainer that keeps all carriers busy must not silence the heartbeat.
    thread = Thread.ofPlatform().name("feed-client").daemon().unstarted(this::work);
  }

  /// What happens on the wire. Calls of one connection come in order.
  interface Listener {
    /// The first message of a connection.
    String hello();

    /// A text frame came.
    ///
    /// @throws FeedClosed if it ends the feed
    /// @throws IllegalArgumentException if it breaks the protocol, which ends the feed too
    void text(String frame) throws FeedClosed;

    /// A binary frame came.
    ///
    /// @throws IllegalArgumentException if it breaks the protocol, which ends the feed
    void binary(byte[] frame);

    void disconnected();

    /// No further connection will be made.
    void ended(FeedClosed why);
  }

  void start() {
    thread.start();
  }

  /// Sends over the current connection, if there is one.
  void send(String message) {
    current().ifPresent(link -> link.socket().send(message));
  }

  private Optional<Link> current() {
    lock.lock();
    try {
      return link.filter(link -> !link.dead);
    } finally {
      lock.unlock();
    }
  }

  /// The current connection alone, not the one that follows it; empty if there is none.
  Optional<Uplink> uplink() {
    return current().map(Uplink::new);
  }

  /// Sends over one connection, no faster than it carries.
  final class Uplink {
    private final Link link;

    private Uplink(Link link) {
      this.link = link;
    }

    /// Sends a text frame.
    ///
    /// @return false if the connection is gone
    boolean text(String message) {
      return !link.dead && link.socket().send(message);
    }

    /// Sends a binary frame once there is room, which leaves heartbeats and acknowledgements
    /// theirs.
    ///
    /// @param deadline of [System#nanoTime] after which room comes too late
    /// @return false if the connection is gone, or there is no room in time
    boolean binary(ByteString bytes, long deadline) throws InterruptedException {
      lock.lock();
      try {
        // OkHttp does not say when it has written.
        while (!link.dead && !closed && link.socket().queueSize() > QUEUED_BYTES) {
          if (System.nanoTime() - deadline >= 0) return false;
          long _ = changed.awaitNanos(ROOM_PAUSE.toNanos());
        }
        return !link.dead && !closed && link.socket().send(bytes);
      } finally {
        lock.unlock();
      }
    }
  }

  private void work() {
    Duration pause = FIRST_PAUSE;
    try {
      while (true) {
        Link current = connect();
        supervise(current);
        listener.disconnected();
        if (current.end.isPresent()) {
          listener.ended(current.end.get());
          return;
        }
        if (current.heardAnything) pause = FIRST_PAUSE;
        LOG.info("{} is gone: {}; again in {} ms", request.url(), current.why, pause.toMillis());
        if (waitClosed(pause)) break;
        pause = pause.multipliedBy(2);
        if (pause.compareTo(LONGEST_PAUSE) > 0) pause = LONGEST_PAUSE;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    listener.ended(new FeedClosed(CloseCode.NORMAL, "the client closed the feed"));
  }

  private Link connect() {
    Link fresh = new Link();
    lock.lock();
    try {
      link = Optional.of(fresh);
      fresh.socket = Optional.of(http.newWebSocket(request, fresh));
    } finally {
      lock.unlock();
    }
    return fresh;
  }

  /// Returns when the connection is dead, or this is closed.
  private void supervise(Link current) throws InterruptedException {
    lock.lock();
    try {
      long beat = System.nanoTime();
      while (!current.dead && !closed) {
        changed.awaitNanos(FeedProtocol.HEARTBEAT.toNanos());
        long now = System.nanoTime();
        if (now - beat >= FeedProtocol.HEARTBEAT.toNanos()) {
          beat = now;
          current.socket().send(FeedJson.encode(FeedMessage.Heartbeat.now()));
        }
        if (now - current.lastHeard > FeedProtocol.SILENCE.toNanos()) current.socket().cancel();
      }
      if (!closed) return;
      current.socket().close(CloseCode.NORMAL, "done");
      long left = GOODBYE.toNanos();
      while (!current.dead && left > 0) left = changed.awaitNanos(left);
      current.socket().cancel();
    } finally {
      lock.unlock();
    }
  }

  private boolean waitClosed(Duration pause) throws InterruptedException {
    lock.lock();
    try {
      long left = pause.toNanos();
      while (!closed && left > 0) left = changed.awaitNanos(left);
      return closed;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    try {
      thread.join(2 * GOODBYE.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    http.dispatcher().executorService().shutdown();
    http.connectionPool().evictAll();
  }

  /// One WebSocket. What is not volatile belongs to the lock.
  private final class Link extends WebSocketListener {
    private Optional<WebSocket> socket = Optional.empty();
    private volatile boolean dead;
    private volatile boolean heardAnything;
    private volatile long lastHeard = System.nanoTime();
    private String why = "";
    private Optional<FeedClosed> end = Optional.empty();

    WebSocket socket() {
      return socket.orElseThrow();
    }

    @Override
    public void onOpen(WebSocket opened, Response response) {
      opened.send(listener.hello());
    }

    @Override
    public void onMessage(WebSocket from, String text) {
      heard(from, () -> listener.text(text));
    }

    @Override
    public void onMessage(WebSocket from, ByteString bytes) {
      heard(from, () -> listener.binary(bytes.toByteArray()));
    }

    private void heard(WebSocket from, Message message) {
      if (dead) return;
      lastHeard = System.nanoTime();
      heardAnything = true;
      try {
        message.handle();
      } catch (FeedClosed e) {
        die(String.valueOf(e.getMessage()), Optional.of(e));
        from.close(CloseCode.NORMAL, "refused");
      } catch (IllegalArgumentException e) {
        LOG.error("the server broke the feed protocol", e);
        String reason = String.valueOf(e.getMessage());
        die(reason, Optional.of(new FeedClosed(CloseCode.PROTOCOL, reason)));
        from.close(CloseCode.PROTOCOL, "protocol");
      }
    }

    @Override
    public void onClosing(WebSocket from, int code, String reason) {
      from.close(CloseCode.NORMAL, "");
      die(
          "%s (%d)".formatted(reason, code),
          CloseCode.isFinal(code) ? Optional.of(new FeedClosed(code, reason)) : Optional.empty());
    }

    @Override
    public void onClosed(WebSocket from, int code, String reason) {
      die(reason, Optional.empty());
    }

    @Override
    public void onFailure(WebSocket from, Throwable cause, @Nullable Response response) {
      Optional<FeedClosed> last =
          Optional.ofNullable(response)
              .filter(answer -> isFinal(answer.code()))
              .map(
                  answer -> new FeedClosed(answer.code(), "the server refused the feed: " + cause));
      die(cause.toString(), last);
    }

    private static boolean isFinal(int status) {
      return status >= 400 && status < 500 && status != 408 && status != 429;
    }

    /// The first reason counts.
    private void die(String reason, Optional<FeedClosed> last) {
      lock.lock();
      try {
        if (dead) return;
        dead = true;
        why = reason;
        end = last;
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  @FunctionalInterface
  private interface Message {
    void handle() throws FeedClosed;
  }
}
