package dev.turnstone.server.http;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/// Frames to the client of one response.
final class ResponseTarget implements EventStream.Target {
  private final HttpServerResponse response;
  private final Duration patience;
  private final Semaphore drained = new Semaphore(0);
  private volatile boolean gone;

  /// @param patience after which a client that does not read is given up
  ResponseTarget(HttpServerResponse response, Duration patience) {
    this.response = response;
    this.patience = patience;
    response.drainHandler(v -> drained.release());
  }

  void markGone() {
    gone = true;
    drained.release();
  }

  @Override
  public void write(String frame) throws InterruptedException, EventStream.Gone {
    while (!gone && response.writeQueueFull())
      if (!drained.tryAcquire(patience.toMillis(), TimeUnit.MILLISECONDS))
        throw new EventStream.Gone("the client has not read for " + patience);
    if (gone) throw new EventStream.Gone("the client closed the connection");
    var _ = response.write(Buffer.buffer(frame));
  }
}
