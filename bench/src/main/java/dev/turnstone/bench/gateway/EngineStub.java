package dev.turnstone.bench.gateway;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A process that speaks like a vLLM server and computes nothing: each generation is the same ids,
/// as soon as they are asked for or at a pace. It costs as little as it can.
///
/// Turnstone asks it over `/inference/v1/generate`, gateways that speak text over
/// `/v1/chat/completions`.
public final class EngineStub {
  /// Begins the line that names the port.
  static final String PORT = "port ";

  static final String MODEL = "stub";
  private static final int CONTEXT = 1 << 20;
  private static final Pattern MAX_TOKENS = Pattern.compile("\"max_tokens\": ?(\\d+)");

  private final StubReplies replies;
  private final int perEvent;
  private final long tokenNanos;

  private EngineStub(StubReplies replies, int perEvent, long tokenNanos) {
    this.replies = replies;
    this.perEvent = perEvent;
    this.tokenNanos = tokenNanos;
  }

  /// Serves until its standard input ends; prints its port first.
  ///
  /// @param args ids that it says, separated by commas; their text; tokens in an event of a stream;
  ///   microseconds from token to token
  public static void main(String[] args) throws IOException {
    List<Integer> ids = Arrays.stream(args[0].split(",")).map(Integer::valueOf).toList();
    EngineStub stub =
        new EngineStub(
            new StubReplies(ids, args[1]),
            Integer.parseInt(args[2]),
            TimeUnit.MICROSECONDS.toNanos(Long.parseLong(args[3])));
    try (ServerSocket server = new ServerSocket(0, 1024, InetAddress.getLoopbackAddress())) {
      Thread.ofPlatform().daemon().start(() -> stub.accept(server));
      System.out.println(PORT + server.getLocalPort());
      while (System.in.read() >= 0) {
        // Until the parent is gone.
      }
    }
  }

  private void accept(ServerSocket server) {
    try {
      while (true) {
        Socket socket = server.accept();
        Thread.ofVirtual().start(() -> serve(socket));
      }
    } catch (IOException e) {
      // The server socket was closed: this process ends.
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      socket.setTcpNoDelay(true);
      InputStream in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
      OutputStream out = socket.getOutputStream();
      while (answer(in, out)) {
        // The next request of this connection.
      }
    } catch (IOException | InterruptedException e) {
      // The client is gone.
    }
  }

  private boolean answer(InputStream in, OutputStream out)
      throws IOException, InterruptedException {
    String request = line(in);
    if (request.isEmpty()) return false;
    int length = 0;
    for (String header = line(in); !header.isEmpty(); header = line(in))
      if (header.regionMatches(true, 0, "content-length:", 0, 15))
        length = Integer.parseInt(header.substring(15).strip());
    byte[] body = in.readNBytes(length);
    String path = request.split(" ", 3)[1];
    if (path.startsWith("/inference/v1/generate")) generate(body, out);
    else if (path.endsWith("/chat/completions"))
      whole(out, "application/json", replies.chat(maxTokens(body), replies.tokens(body.length)));
    else if (path.endsWith("/models"))
      whole(out, "application/json", utf8(StubReplies.models(MODEL, CONTEXT)));
    else if (path.startsWith("/metrics")) whole(out, "text/plain", utf8(StubReplies.metrics()));
    else if (path.startsWith("/health")) whole(out, "text/plain", new byte[0]);
    else out.write(utf8("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
    return true;
  }

  private void generate(byte[] body, OutputStream out) throws IOException, InterruptedException {
    int count = maxTokens(body);
    if (count == 1) {
      stream(out, utf8(replies.probe(text(body))));
      return;
    }
    if (tokenNanos == 0) {
      stream(out, replies.events(count, perEvent));
      return;
    }
    out.write(utf8(HEAD));
    for (int from = 0; from < count; from += perEvent) {
      TimeUnit.NANOSECONDS.sleep(tokenNanos * Math.min(perEvent, count - from));
      chunk(out, replies.event(from, Math.min(count, from + perEvent), count));
    }
    chunk(out, utf8("data: [DONE]\n\n"));
    out.write(utf8("0\r\n\r\n"));
  }

  private static final String HEAD =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

  private static void stream(OutputStream out, byte[] events) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream(events.length + 200);
    all.writeBytes(utf8(HEAD));
    chunk(all, events);
    all.writeBytes(utf8("0\r\n\r\n"));
    out.write(all.toByteArray());
  }

  private static void chunk(OutputStream out, byte[] data) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream(data.length + 16);
    all.writeBytes(utf8(Integer.toHexString(data.length) + "\r\n"));
    all.writeBytes(data);
    all.writeBytes(utf8("\r\n"));
    out.write(all.toByteArray());
  }

  private static void whole(OutputStream out, String type, byte[] body) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream(body.length + 200);
    all.writeBytes(
        utf8(
            "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
                .formatted(type, body.length)));
    all.writeBytes(body);
    out.write(all.toByteArray());
  }

  /// Ids come first in the body, what was asked for last.
  private static int maxTokens(byte[] body) {
    int from = Math.max(0, body.length - 2048);
    Matcher found =
        MAX_TOKENS.matcher(new String(body, from, body.length - from, StandardCharsets.ISO_8859_1));
    if (found.find()) return Integer.parseInt(found.group(1));
    found = MAX_TOKENS.matcher(text(body));
    return found.find() ? Integer.parseInt(found.group(1)) : 16;
  }

  private static String text(byte[] body) {
    return new String(body, StandardCharsets.ISO_8859_1);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String line(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c >= 0 && c != '\n'; c = in.read())
      if (c != '\r') line.append((char) c);
    return line.toString();
  }

  static String decimal(double value) {
    return String.format(Locale.ROOT, "%.6f", value);
  }
}
