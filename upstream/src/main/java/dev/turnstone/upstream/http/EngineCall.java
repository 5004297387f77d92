package dev.turnstone.upstream.http;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

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
  private volatile boolean late;

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
      used.send(request);
      return EngineReply.read(this, used);
    } catch (IOException e) {
      end(false);
      throw because(e);
    } catch (RuntimeException e) {
      end(false);
      throw e;
    }
  }

  /// Why it failed, if it is this that broke its connection.
  IOException because(IOException failure) {
    if (!late) return failure;
    IOException timeout = new SocketTimeoutException("timeout");
    timeout.addSuppressed(failure);
    return timeout;
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

  /// Ends it because it takes too long.
  void giveUp() {
    late = true;
    cancel();
  }

  /// Whether it, or a wait for its next byte, has taken longer than it may.
  synchronized boolean isLate() {
    OptionalLong waiting = connection.map(Connection::waiting).orElse(OptionalLong.empty());
    return patience.filter(allowed -> allowed.isOver(waiting)).isPresent();
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
