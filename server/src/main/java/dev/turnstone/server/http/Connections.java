package dev.turnstone.server.http;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// Closes connections on which no request comes: a new one soon, whose first request may be a head
/// that never ends, and one that was used before after a long time. While a request is answered its
/// connection may be silent for as long as it takes.
final class Connections {
  /// What a server waits: well above the 75 s that clients and proxies keep connections.
  static final Connections USUAL = new Connections(Duration.ofSeconds(60), Duration.ofMinutes(10));

  private final Duration first;
  private final Duration idle;
  private final Map<HttpConnection, Long> timers = new ConcurrentHashMap<>();

  /// @param first until the first request's head is whole
  /// @param idle from the end of one request to the next
  Connections(Duration first, Duration idle) {
    this.first = first;
    this.idle = idle;
  }

  void opened(Vertx vertx, HttpConnection connection) {
    connection.closeHandler(closed -> disarm(vertx, connection));
    arm(vertx, connection, first);
  }

  /// A request has come.
  void busy(Vertx vertx, HttpConnection connection) {
    disarm(vertx, connection);
  }

  /// It was answered.
  void free(Vertx vertx, HttpConnection connection) {
    disarm(vertx, connection);
    arm(vertx, connection, idle);
  }

  private void arm(Vertx vertx, HttpConnection connection, Duration patience) {
    timers.put(
        connection,
        vertx.setTimer(
            patience.toMillis(),
            id -> {
              // One that was armed after its end hears of no other.
              timers.remove(connection, id);
              var _ = connection.close();
            }));
  }

  private void disarm(Vertx vertx, HttpConnection connection) {
    Long timer = timers.remove(connection);
    if (timer != null) vertx.cancelTimer(timer);
  }
}
