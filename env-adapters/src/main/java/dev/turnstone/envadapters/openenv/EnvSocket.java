package dev.turnstone.envadapters.openenv;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.CheckedSockets;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.JsonText;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okio.ByteString;
import org.jspecify.annotations.Nullable;

/// One WebSocket to an OpenEnv server: a question, its answer, the next question. Pings are
/// answered while nobody asks, and sent, so that neither side takes the other for dead while a
/// policy thinks.
final class EnvSocket implements AutoCloseable {
  private static final Duration PING = Duration.ofSeconds(15);
  private static final int WAITING_FRAMES = 64;
  private static final int NORMAL = 1000;

  private final BlockingQueue<Frame> frames = new LinkedBlockingQueue<>(WAITING_FRAMES);
  private final WebSocket socket;
  private final CheckedSockets sockets;

  private EnvSocket(OkHttpClient client, Request request, CheckedSockets sockets) {
    this.sockets = sockets;
    this.socket = client.newWebSocket(request, new Listener());
  }

  /// Connects; [#ask] finds out whether that went well.
  ///
  /// @param sockets of this connection alone, which bound how much one answer may be
  static EnvSocket open(OkHttpClient client, Request request, CheckedSockets sockets) {
    OkHttpClient own =
        client
            .newBuilder()
            .socketFactory(sockets)
            .connectionPool(new okhttp3.ConnectionPool(0, 1, TimeUnit.SECONDS))
            .pingInterval(PING)
            .build();
    return new EnvSocket(own, request, sockets);
  }

  private sealed interface Frame {
    record Text(String text) implements Frame {}

    record End(String why) implements Frame {}
  }

  /// The server is gone, or answers what no OpenEnv server does. The message goes on after its
  /// name.
  static final class Gone extends Exception {
    private static final long serialVersionUID = 1;

    private final boolean late;

    Gone(String why, boolean late) {
      super(why);
      this.late = late;
    }

    /// Whether it only did not answer in time.
    boolean late() {
      return late;
    }
  }

  /// One question and its answer.
  JsonNode ask(JsonNode question, Deadline deadline) throws Gone, InterruptedException {
    sockets.allowMore();
    if (!socket.send(question.toString())) throw new Gone(last(), false);
    Frame frame = frames.poll(deadline.remaining().toNanos(), TimeUnit.NANOSECONDS);
    return switch (frame) {
      case null -> throw new Gone("did not answer in time", true);
      case Frame.End(String why) -> throw new Gone(why, false);
      case Frame.Text(String text) -> read(text);
    };
  }

  private static JsonNode read(String text) throws Gone {
    try {
      return JsonText.read(text);
    } catch (JsonText.Unreadable e) {
      throw new Gone("answered no JSON: " + e.getMessage(), false);
    }
  }

  private String last() {
    for (Frame frame : frames) if (frame instanceof Frame.End(String why)) return why;
    return "has closed the connection";
  }

  /// Always says goodbye: a server keeps a place for each episode until then.
  @Override
  public void close() {
    socket.send("{\"type\":\"close\"}");
    if (!socket.close(NORMAL, null)) socket.cancel();
  }

  private final class Listener extends WebSocketListener {
    @Override
    public void onMessage(WebSocket webSocket, String text) {
      sockets.allowMore();
      // Nobody asked for that many: it floods.
      if (!frames.offer(new Frame.Text(text))) {
        frames.clear();
        end("sends more than it is asked for");
        webSocket.cancel();
      }
    }

    @Override
    public void onMessage(WebSocket webSocket, ByteString bytes) {
      end("sent a binary message");
      webSocket.cancel();
    }

    @Override
    public void onClosing(WebSocket webSocket, int code, String reason) {
      end("closed the connection (%d%s)".formatted(code, reason.isEmpty() ? "" : " " + reason));
      webSocket.close(NORMAL, null);
    }

    @Override
    public void onFailure(WebSocket webSocket, Throwable failure, @Nullable Response response) {
      String why =
          response != null && response.code() != 101
              ? "answered %d instead of a WebSocket".formatted(response.code())
              : failure instanceof CheckedSockets.Refused refused
                  ? "is not reachable: " + refused.why()
                  : "broke off: " + ioSentence(failure);
      end(why);
    }

    private void end(String why) {
      Frame end = new Frame.End(why);
      if (!frames.offer(end)) {
        frames.clear();
        frames.add(end);
      }
    }
  }

  private static String ioSentence(Throwable failure) {
    return failure instanceof IOException io && io.getMessage() != null
        ? io.getMessage()
        : failure.getClass().getSimpleName();
  }
}
