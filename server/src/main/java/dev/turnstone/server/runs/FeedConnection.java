package dev.turnstone.server.runs;

import dev.turnstone.trainerbridge.feed.FeedSession;
import dev.turnstone.trainerbridge.feed.FeedSocket;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.wire.CloseCode;
import io.vertx.core.Future;
import io.vertx.core.http.ServerWebSocket;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/// One feed's WebSocket between its event loop and the session: frames that come are read by a
/// virtual thread of their own, frames that go wait until the transport has taken them.
final class FeedConnection implements FeedSocket {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /// Frames that wait to be read before the peer is told to wait, and when it may go on.
  private static final int HIGH = 64;

  private static final int LOW = 16;

  /// The same of their bytes.
  private static final long HIGH_BYTES = 8 << 20;

  private static final long LOW_BYTES = 1 << 20;
  private static final int REASON_BYTES = 123;

  private final ServerWebSocket socket;
  private final Runnable released;

  // Bounded by HIGH, HIGH_BYTES and what one read of the transport brings.
  private final BlockingQueue<Incoming> incoming = new LinkedBlockingQueue<>();

  private final AtomicLong incomingBytes = new AtomicLong();

  /// Wraps an open WebSocket, on its event loop.
  ///
  /// @param released called once, when the connection is gone
  FeedConnection(ServerWebSocket socket, Runnable released) {
    this.socket = socket;
    this.released = released;
  }

  private sealed interface Incoming {
    record Text(String message) implements Incoming {}

    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Binary(byte[] message) implements Incoming {
      @Override
      public long bytes() {
        return message.length;
      }
    }

    record Closed() implements Incoming {}

    /// What a frame of weights holds in memory; others hold little.
    default long bytes() {
      return 0;
    }
  }

  /// Carries the feed of `run`. Called on the event loop, before any frame can come.
  void carry(Run run) {
    socket.textMessageHandler(message -> came(new Incoming.Text(message)));
    socket.binaryMessageHandler(message -> came(new Incoming.Binary(message.getBytes())));
    socket.exceptionHandler(failure -> socket.close((short) CloseCode.PROTOCOL));
    socket.closeHandler(closed -> {
      released.run();
      came(new Incoming.Closed());
    });
    Thread.ofVirtual().name("feed-in " + run.spec().run()).start(() -> read(run.feed(this)));
  }

  private void came(Incoming frame) {
    long bytes = incomingBytes.addAndGet(frame.bytes());
    incoming.add(frame);
    if (incoming.size() < HIGH && bytes < HIGH_BYTES) return;
    socket.pause();
    // The reader may have taken them before the pause, and would not resume a second time.
    if (incoming.size() <= LOW && incomingBytes.get() <= LOW_BYTES) socket.resume();
  }

  private void read(FeedSession session) {
    session.start();
    try {
      while (true) {
        Incoming frame = incoming.take();
        long bytes = incomingBytes.addAndGet(-frame.bytes());
        boolean large = frame.bytes() > 0;
        if (incoming.size() == LOW || (large && incoming.size() < LOW && bytes <= LOW_BYTES))
          socket.resume();
        switch (frame) {
          case Incoming.Text(String message) -> session.onText(message);
          case Incoming.Binary(byte[] message) -> session.onBinary(message);
          case Incoming.Closed() -> {
            session.onClosed();
            return;
          }
        }
      }
    } catch (InterruptedException e) {
      throw new AssertionError("nobody interrupts a feed's reader", e);
    }
  }

  @Override
  public void text(String message) throws IOException, InterruptedException {
    await(socket.writeTextMessage(message));
  }

  @Override
  public void binary(byte[] message) throws IOException, InterruptedException {
    await(socket.writeBinaryMessage(io.vertx.core.buffer.Buffer.buffer(message)));
  }

  private static void await(Future<Void> written) throws IOException, InterruptedException {
    try {
      var _ =
          written
              .toCompletionStage()
              .toCompletableFuture()
              .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new IOException("the connection is gone: " + e.getCause(), e);
    } catch (TimeoutException e) {
      throw new IOException("the peer has not read for %d s".formatted(PATIENCE.toSeconds()), e);
    }
  }

  @Override
  public void close(int code, String reason) {
    if (!socket.isClosed()) socket.close((short) code, fitting(reason));
  }

  /// A close frame has room for 123 bytes of reason.
  private static String fitting(String reason) {
    String text = reason;
    while (text.getBytes(StandardCharsets.UTF_8).length > REASON_BYTES)
      text = text.substring(0, text.offsetByCodePoints(text.length(), -1));
    return text;
  }
}
