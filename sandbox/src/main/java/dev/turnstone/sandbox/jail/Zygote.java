package dev.turnstone.sandbox.jail;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// A process in bubblewrap's namespaces that forks a jail for every connection to its socket.
///
/// Its end is the end of all its jails, and it ends when its stdin does.
final class Zygote implements AutoCloseable {
  private static final Duration READY = Duration.ofSeconds(30);
  private static final Duration DEATH = Duration.ofSeconds(5);

  private final Process process;
  private final OutputStream commands;
  private final UnixDomainSocketAddress address;

  private Zygote(Process process, Path socket) {
    this.process = process;
    this.commands = process.getOutputStream();
    this.address = UnixDomainSocketAddress.of(socket);
  }

  /// Starts one and waits until it listens.
  ///
  /// @param socket where it listens, as this process sees it
  static Zygote start(Spawner spawner, List<String> command, Path socket)
      throws JailLost, InterruptedException {
    Zygote zygote;
    try {
      zygote = new Zygote(spawner.start(command), socket);
    } catch (IOException e) {
      throw new JailLost(String.valueOf(e.getMessage()), e);
    }
    boolean listens = false;
    try {
      listens = zygote.listens();
      if (!listens) throw new JailLost(zygote.lastWords());
      return zygote;
    } finally {
      if (!listens) zygote.close();
    }
  }

  private boolean listens() throws JailLost, InterruptedException {
    BufferedReader said = process.inputReader(StandardCharsets.UTF_8);
    CompletableFuture<String> line = new CompletableFuture<>();
    Thread.ofVirtual()
        .name("zygote-" + process.pid())
        .start(() -> {
          try {
            line.complete(String.valueOf(said.readLine()));
          } catch (IOException e) {
            line.completeExceptionally(e);
          }
        });
    try {
      return line.get(READY.toSeconds(), TimeUnit.SECONDS).equals("listening");
    } catch (ExecutionException e) {
      return false;
    } catch (TimeoutException e) {
      throw new JailLost("the zygote was not ready after " + READY.toSeconds() + " s", e);
    }
  }

  /// What the jail's own programs said on standard error when they did not come to be ready.
  private String lastWords() throws InterruptedException {
    hangUp();
    if (!process.waitFor(DEATH)) return "it is no zygote and does not end";
    try {
      byte[] words = process.getErrorStream().readNBytes(4096);
      String text = new String(words, StandardCharsets.UTF_8).strip();
      return text.isEmpty() ? "it was killed" : text;
    } catch (IOException e) {
      return "unknown: " + e.getMessage();
    }
  }

  /// Whether it runs, by the process's handle: the process itself learns of its end only a moment
  /// after the kernel has forgotten it.
  boolean alive() {
    return process.toHandle().isAlive();
  }

  /// The outermost process, outside the jail's namespaces.
  ProcessHandle outermost() {
    return process.toHandle();
  }

  /// The way to a new jail.
  Link connect() throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(address);
      return new Connection(channel, this);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private synchronized void kill(long pid) {
    try {
      commands.write(("kill " + pid + "\n").getBytes(StandardCharsets.US_ASCII));
      commands.flush();
    } catch (IOException e) {
      // The zygote has ended, and the jail with it.
    }
  }

  private record Connection(SocketChannel channel, InputStream in, OutputStream out, Zygote zygote)
      implements Link {
    Connection(SocketChannel channel, Zygote zygote) {
      this(channel, Channels.newInputStream(channel), Channels.newOutputStream(channel), zygote);
    }

    @Override
    public boolean alive() {
      try {
        channel.configureBlocking(false);
        int read = channel.read(ByteBuffer.allocate(1));
        channel.configureBlocking(true);
        return read == 0;
      } catch (IOException e) {
        return false;
      }
    }

    @Override
    public void kill(long pid) {
      zygote.kill(pid);
    }

    @Override
    public void close() {
      Zygote.close(channel);
    }
  }

  private void hangUp() {
    close(process.getOutputStream());
  }

  private static void close(Closeable stream) {
    try {
      stream.close();
    } catch (IOException e) {
      // Unsent bytes for a process that has ended: nothing is lost.
    }
  }

  @Override
  public void close() {
    hangUp();
    close(process.getInputStream());
    close(process.getErrorStream());
  }
}
