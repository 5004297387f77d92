package dev.turnstone.upstream.http;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/// A request to an engine, sent at most once. One thread sends it and reads its reply; any thread
/// may cancel it.
public final class EngineCall {
  private final Connections connections;
  private final Origin origin;
  private final byte[] request;
  private final Duration timeout;
  private final Duration silence;
  private volatile Optional<Patience> patience = Optional.empty();
  private Optional<Connection> connection = Optional.empty(); // guarded by this
  private boolean cancelled; // guarded by this

  EngineCall(
      Connections connections, Origin origin, byte[] request, Duration timeout, Duration silence) {
    this.connections = connections;
    this.origin = origin;
    this.request = request;
    this.timeout = timeout;
    this.silence = silence;
  }

  /// Sends it and reads the reply's head.
  ///
  /// @throws IOException if the connection fails, it takes too long, or it is cancelled
  public EngineReply send() throws IOException {
    Patience allowed = Patience.of(timeout, silence);
    patience = Optional.of(allowed);
    connections.begun(this);
    try {
      Connection used = connections.take(origin, allowed);
      use(used);
      used.send(request, allowed);
      return EngineReply.read(this, used);
    } catch (IOException | RuntimeException e) {
      end(false);
      throw e;
    }
  }

  private synchronized void use(Connection used) throws IOException {
    connection = Optional.of(used);
    if (cancelled) throw new IOException("it was cancelled");
  }

  /// Ends it, whoever reads it.
  public synchronized void cancel() {
    cancelled = true;
    connection.ifPresent(Connection::close);
  }

  /// Whether it has taken longer than it may, as one does that hangs in a write.
  boolean isLate() {
    return patience.filter(Patience::isOver).isPresent();
  }

  /// It needs its connection no more.
  ///
  /// @param reusable whether another call may use that
  synchronized void end(boolean reusable) {
    connections.ended(this);
    connection.ifPresent(used -> {
      if (reusable && !cancelled) connections.giveBack(used);
      else used.close();
    });
    connection = Optional.empty();
  }
}
