package dev.turnstone.envadapters;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.util.Optional;
import javax.net.SocketFactory;

/// Makes sockets that ask the policy about the address at the moment they connect to it. Every
/// connection goes through here, whether its address came from DNS, a literal or a reused name.
final class CheckedSockets extends SocketFactory {
  private final ToolAddressPolicy policy;

  CheckedSockets(ToolAddressPolicy policy) {
    this.policy = policy;
  }

  /// An address the policy does not allow. Nothing was sent to it.
  static final class Refused extends IOException {
    private static final long serialVersionUID = 1;

    private final String why;

    Refused(String why) {
      super(why);
      this.why = why;
    }

    String why() {
      return why;
    }
  }

  @Override
  public Socket createSocket() {
    return new Checked(policy);
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

  private static final class Checked extends Socket {
    private final ToolAddressPolicy policy;

    Checked(ToolAddressPolicy policy) {
      this.policy = policy;
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
}
