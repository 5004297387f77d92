package dev.turnstone.envadapters.peer;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.SocketFactory;

/// Makes sockets that ask the policy about the address at the moment they connect to it. Every
/// connection goes through here, whether its address came from DNS, a literal or a reused name.
public final class CheckedSockets extends SocketFactory {
  private static final long UNBOUNDED = Long.MAX_VALUE;

  private final ToolAddressPolicy policy;
  private final long mostBytes;
  private final AtomicLong left;

  public CheckedSockets(ToolAddressPolicy policy) {
    this(policy, UNBOUNDED);
  }

  /// Sockets from which, taken together, only so much is read until [#allowMore].
  CheckedSockets(ToolAddressPolicy policy, long mostBytes) {
    this.policy = policy;
    this.mostBytes = mostBytes;
    this.left = new AtomicLong(mostBytes);
  }

  /// Lets as much be read again.
  public void allowMore() {
    left.set(mostBytes);
  }

  /// An address the policy does not allow. Nothing was sent to it.
  public static final class Refused extends IOException {
    private static final long serialVersionUID = 1;

    private final String why;

    Refused(String why) {
      super(why);
      this.why = why;
    }

    public String why() {
      return why;
    }
  }

  @Override
  public Socket createSocket() {
    return new Checked();
  }

  @Override
  public Socket createSocket(String host, int port) throws IOException {
    return createSocket(InetAddress.getByName(host), port);
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress localHost, int localPort)
      throws IOException {
    return createSocket(InetAddress.getByName(host), port, localHost, localPort);
  }

  @Override
  public Socket createSocket(InetAddress host, int port) throws IOException {
    Socket socket = createSocket();
    socket.connect(new InetSocketAddress(host, port));
    return socket;
  }

  @Override
  public Socket createSocket(InetAddress host, int port, InetAddress localHost, int localPort)
      throws IOException {
    Socket socket = createSocket();
    socket.bind(new InetSocketAddress(localHost, localPort));
    socket.connect(new InetSocketAddress(host, port));
    return socket;
  }

  private final class Checked extends Socket {
    @Override
    public InputStream getInputStream() throws IOException {
      return mostBytes == UNBOUNDED ? super.getInputStream() : new Bounded(super.getInputStream());
    }

    @Override
    public void connect(SocketAddress endpoint) throws IOException {
      connect(endpoint, 0);
    }

    @Override
    public void connect(SocketAddress endpoint, int timeoutMillis) throws IOException {
      if (!(endpoint instanceof InetSocketAddress peer) || peer.isUnresolved())
        throw new Refused(endpoint + " is not an address");
      Optional<String> objection = policy.objection(peer.getAddress(), peer.getPort());
      if (objection.isPresent()) throw new Refused(objection.get());
      super.connect(endpoint, timeoutMillis);
    }
  }

  private final class Bounded extends FilterInputStream {
    Bounded(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      int b = super.read();
      if (b >= 0) count(1);
      return b;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      int n = super.read(buffer, offset, length);
      count(n);
      return n;
    }

    private void count(int bytes) throws IOException {
      if (bytes > 0 && left.addAndGet(-bytes) < 0)
        throw new IOException("it sent more than %d MiB".formatted(mostBytes >> 20));
    }
  }
}
