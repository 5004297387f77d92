package dev.turnstone.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/// Server-sent events to one client. Used by one thread; writing blocks while the client reads more
/// slowly than the server writes.
public final class EventStream {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final HttpServerResponse response;
  private final Semaphore drained = new Semaphore(0);
  private volatile boolean gone;

  EventStream(HttpServerResponse response) {
    this.response = response;
    response.drainHandler(v -> drained.release());
  }

  /// The connection was closed, or its client does not read.
  public static final class Gone extends Exception {
    private static final long serialVersionUID = 1;

    Gone(String message) {
      super(message);
    }
  }

  public void data(JsonNode json) throws InterruptedException, Gone {
    write("data: " + Wire.text(json) + "\n\n");
  }

  public void event(String name, JsonNode json) throws InterruptedException, Gone {
    write("event: " + name + "\ndata: " + Wire.text(json) + "\n\n");
  }

  /// The end of a stream of chunks, as OpenAI clients wait for it.
  public void done() throws InterruptedException, Gone {
    write("data: [DONE]\n\n");
  }

  /// A line that clients ignore; shows a dead connection.
  public void ping() throws InterruptedException, Gone {
    write(": ping\n\n");
  }

  void markGone() {
    gone = true;
    drained.release();
  }

  private void write(String frame) throws InterruptedException, Gone {
    while (!gone && response.writeQueueFull())
      if (!drained.tryAcquire(PATIENCE.toSeconds(), TimeUnit.SECONDS))
        throw new Gone("the client has not read for " + PATIENCE.toSeconds() + " s");
    if (gone) throw new Gone("the client closed the connection");
    var _ = response.write(Buffer.buffer(frame));
  }
}
