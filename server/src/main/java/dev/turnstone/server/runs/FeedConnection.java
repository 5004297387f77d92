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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One feed's WebSocket between its event loop and the session: frames that come are read by a
/// virtual thread of their own, frames that go wait until the transport has taken them.
final class FeedConnection implements FeedSocket {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int REASON_BYTES = 123;
  private static final Logger LOG = LoggerFactory.getLogger(FeedConnection.class);

  private final ServerWebSocket socket;
  private final Runnable released;

  private final IncomingFrames<Incoming> incoming;

  /// Wraps an open WebSocket, on its event loop.
  ///
  /// @param released called once, when the connection is gone
  FeedConnection(ServerWebSocket socket, Runnable released) {
    this.socket = socket;
    this.released = released;
    incoming = new IncomingFrames<>(Incoming::bytes, socket::pause, socket::resume);
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
    socket.textMessageHandler(message -> incoming.add(new Incoming.Text(message)));
    socket.binaryMessageHandler(message -> incoming.add(new Incoming.Binary(message.getBytes())));
    socket.exceptionHandler(failure -> socket.close((short) CloseCode.PROTOCOL));
    socket.closeHandler(closed -> {
      released.run();
      incoming.add(new Incoming.Closed());
    });
    Thread.ofVirtual().name("feed-in " + run.spec().run()).start(() -> read(run.feed(this)));
  }

  private void read(FeedSession session) {
    session.start();
    try {
      while (true) {
        switch (incoming.take()) {
          case Incoming.Text(String message) -> session.onText(message);
          case Incoming.Binary(byte[] message) -> session.onBinary(message);
          case Incoming.Closed() -> {
            session.onClosed();
            return;
          }
        }
      }
    } catch (InterruptedException | RuntimeException | Error e) {
      LOG.error("a feed's reader failed", e);
      close(CloseCode.INTERNAL, "the feed failed");
      session.onClosed();
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
