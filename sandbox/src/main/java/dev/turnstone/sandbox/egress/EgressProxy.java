package dev.turnstone.sandbox.egress;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// An HTTP proxy outside of all jails, on a Unix socket that only their relays can reach.
///
/// Each connection begins with a line that names the jail; then comes a request as to any proxy. It
/// ends with its jail at the latest. Virtual threads, at most 1,024 connections.
public final class EgressProxy implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EgressProxy.class);
  private static final int CONNECTIONS = 1024;
  private static final Duration HEAD = Duration.ofSeconds(30);
  private static final Duration LOOKUP = Duration.ofSeconds(10);
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final Duration PAUSE_AFTER_FAILURE = Duration.ofSeconds(1);
  private static final int TOKEN = 32;

  /// A jail's list and both ends of what it has open.
  private record Admitted(AllowList list, Set<Closeable> open) {}

  private final ServerSocketChannel listener;
  private final AllowList.Resolver resolver;
  private final Map<String, Admitted> jails = new ConcurrentHashMap<>();
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();
  private final SecureRandom random = new SecureRandom();
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("egress-clock").factory());

  EgressProxy(Path socket, AllowList.Resolver resolver) throws IOException {
    this.resolver = resolver;
    this.listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    listener.bind(UnixDomainSocketAddress.of(socket));
    Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-rw-rw-"));
    Thread.ofVirtual().name("egress").start(this::accept);
  }

  /// Listens on a socket.
  public static EgressProxy at(Path socket) throws IOException {
    return new EgressProxy(socket, new Lookups(InetAddress::getAllByName, LOOKUP));
  }

  /// The name under which a jail may reach the hosts of a list.
  public String admit(AllowList list) {
    byte[] bytes = new byte[TOKEN / 2];
    random.nextBytes(bytes);
    String token = HexFormat.of().formatHex(bytes);
    jails.put(token, new Admitted(list, ConcurrentHashMap.newKeySet()));
    return token;
  }

  /// Ends what a jail has open: its hosts could hold their ends for as long as they like.
  public void forget(String token) {
    Admitted jail = jails.remove(token);
    if (jail != null) jail.open().forEach(EgressProxy::close);
  }

  private void enter(String token, Admitted jail, Closeable connection) throws IOException {
    jail.open().add(connection);
    if (!jails.containsKey(token)) throw new IOException("the jail has ended");
  }

  private void accept() {
    try {
      while (listener.isOpen()) {
        try {
          acceptOne();
        } catch (IOException e) {
          if (!listener.isOpen()) return;
          LOG.warn("the egress proxy could not accept a connection: {}", e.getMessage());
          Thread.sleep(PAUSE_AFTER_FAILURE);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void acceptOne() throws IOException {
    SocketChannel connection = listener.accept();
    if (open.size() >= CONNECTIONS) {
      connection.close();
      return;
    }
    open.add(connection);
    Thread.ofVirtual().name("egress-connection").start(() -> serve(connection));
  }

  private void serve(SocketChannel connection) {
    ScheduledFuture<?> late =
        clock.schedule(() -> close(connection), HEAD.toSeconds(), TimeUnit.SECONDS);
    try (connection) {
      InputStream in = Channels.newInputStream(connection);
      OutputStream out = Channels.newOutputStream(connection);
      String token = new String(in.readNBytes(TOKEN + 1), UTF_8).strip();
      Admitted jail = jails.get(token);
      if (jail == null) return;
      try (Socket target = new Socket()) {
        try {
          enter(token, jail, connection);
          enter(token, jail, target);
          answer(jail.list(), in, out, target, late);
        } finally {
          jail.open().removeAll(Set.of(connection, target));
        }
      }
    } catch (IOException e) {
      LOG.debug("an egress connection ended", e);
    } finally {
      late.cancel(false);
      open.remove(connection);
    }
  }

  private void answer(
      AllowList list, InputStream in, OutputStream out, Socket target, ScheduledFuture<?> late)
      throws IOException {
    ProxyRequest request;
    InetAddress address;
    try {
      request = ProxyRequest.read(in);
      address = list.target(request.host(), request.port(), resolver);
    } catch (ProxyRequest.Unreadable e) {
      refuse(out, "400 Bad Request", e);
      return;
    } catch (AllowList.Refused e) {
      refuse(out, "403 Forbidden", e);
      return;
    } catch (IOException e) {
      refuse(out, "502 Bad Gateway", e);
      return;
    }
    try {
      target.connect(new InetSocketAddress(address, request.port()), (int) CONNECT.toMillis());
    } catch (IOException e) {
      refuse(out, "502 Bad Gateway", e);
      return;
    }
    late.cancel(false);
    if (request.isTunnel())
      out.write("HTTP/1.1 200 Connection established\r\n\r\n".getBytes(UTF_8));
    else target.getOutputStream().write(request.onward().getBytes(ISO_8859_1));
    both(in, out, target);
  }

  /// Copies both ways until the target has said all.
  private static void both(InputStream in, OutputStream out, Socket target) throws IOException {
    InputStream back = target.getInputStream();
    OutputStream forth = target.getOutputStream();
    Thread.ofVirtual()
        .name("egress-up")
        .start(() -> {
          try {
            in.transferTo(forth);
            target.shutdownOutput();
          } catch (IOException e) {
            close(target); // The program has gone, or the target has.
          }
        });
    back.transferTo(out);
  }

  private static void refuse(OutputStream out, String status, Exception why) throws IOException {
    byte[] body = ("[sandbox: " + why.getMessage() + "]\n").getBytes(UTF_8);
    String head =
        "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            .formatted(status, body.length);
    out.write(head.getBytes(UTF_8));
    out.write(body);
  }

  private static void close(Closeable connection) {
    try {
      connection.close();
    } catch (IOException e) {
      LOG.debug("closing an egress connection", e);
    }
  }

  @Override
  public void close() {
    close(listener);
    clock.shutdownNow();
    open.forEach(EgressProxy::close);
    jails.keySet().forEach(this::forget);
    if (resolver instanceof Lookups lookups) lookups.close();
  }
}
