package dev.turnstone.trainerbridge.client;

import dev.turnstone.trainerbridge.feed.FeedSession;
import dev.turnstone.trainerbridge.feed.FeedSocket;
import dev.turnstone.trainerbridge.runs.Bridge;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okio.ByteString;
import org.jspecify.annotations.Nullable;

/// Carries frames between WebSockets and the feed of whichever bridge serves now.
public final class FeedServer implements AutoCloseable {
  private final MockWebServer http = new MockWebServer();
  private final AtomicReference<Bridge> serving;
  private volatile CountDownLatch reading = new CountDownLatch(0);

  FeedServer(Bridge bridge) throws IOException {
    serving = new AtomicReference<>(bridge);
    http.setDispatcher(
        new Dispatcher() {
          @Override
          public MockResponse dispatch(RecordedRequest request) {
            return new MockResponse.Builder()
                .webSocketUpgrade(new Connection())
                .addHeader("Sec-WebSocket-Protocol", "turnstone.v1")
                .build();
          }
        });
    http.start();
  }

  int port() {
    return http.getPort();
  }

  void serve(Bridge bridge) {
    serving.set(bridge);
  }

  /// Reads no binary frame until [#readAgain].
  void stall() {
    reading = new CountDownLatch(1);
  }

  void readAgain() {
    reading.countDown();
  }

  RecordedRequest request() throws InterruptedException {
    return http.takeRequest();
  }

  @Override
  public void close() {
    http.close();
  }

  private final class Connection extends WebSocketListener {
    private final AtomicReference<FeedSession> session = new AtomicReference<>();

    @Override
    public void onOpen(WebSocket socket, Response response) {
      FeedSession opened = serving.get().found().feed(new Wire(socket));
      session.set(opened);
      opened.start();
    }

    @Override
    public void onMessage(WebSocket socket, String text) {
      session.get().onText(text);
    }

    @Override
    public void onMessage(WebSocket socket, ByteString bytes) {
      try {
        reading.await();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      session.get().onBinary(bytes.toByteArray());
    }

    @Override
    public void onClosing(WebSocket socket, int code, String reason) {
      session.get().onClosed();
    }

    @Override
    public void onFailure(WebSocket socket, Throwable cause, @Nullable Response response) {
      session.get().onClosed();
    }
  }

  private record Wire(WebSocket socket) implements FeedSocket {
    @Override
    public void text(String message) throws IOException {
      if (!socket.send(message)) throw new IOException("gone");
    }

    @Override
    public void binary(byte[] message) throws IOException {
      if (!socket.send(ByteString.of(message))) throw new IOException("gone");
    }

    @Override
    public void close(int code, String reason) {
      socket.close(code, reason);
    }
  }
}
