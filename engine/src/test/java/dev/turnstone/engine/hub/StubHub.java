package dev.turnstone.engine.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/// A hub of one model, that breaks off, lies or refuses as it is told, and remembers what it was
/// asked.
final class StubHub implements AutoCloseable {
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  /// A request: its path, and what its headers said (empty if nothing).
  record Asked(String path, String range, String authorization) {}

  final List<Asked> asked = new CopyOnWriteArrayList<>();
  final Map<String, byte[]> files = new TreeMap<>();

  /// Files that break off once after so many bytes.
  final Map<String, Integer> cuts = new ConcurrentHashMap<>();

  /// Files whose content is not what the listing says.
  final Map<String, byte[]> lies = new ConcurrentHashMap<>();

  /// Hosts that hold the files instead, as URLs.
  volatile String storage = "";

  volatile int refusal;
  volatile String errorCode = "";

  private final HttpServer server;

  StubHub() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
  }

  /// What a file holds.
  byte[] content(String file) {
    return content(files, file);
  }

  private static byte[] content(Map<String, byte[]> of, String file) {
    return Objects.requireNonNull(of.get(file), file);
  }

  /// @param host `127.0.0.1` or `localhost`, which are two hosts to a client
  String url(String host) {
    return "http://" + host + ":" + server.getAddress().getPort();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      asked.add(new Asked(path, header(exchange, "Range"), header(exchange, "Authorization")));
      String file = path.substring(path.lastIndexOf('/') + 1);
      if (refusal != 0) {
        exchange.getResponseHeaders().set("X-Error-Code", errorCode);
        exchange.sendResponseHeaders(refusal, -1);
      } else if (path.startsWith("/api/models/org/name/revision/")) {
        send(exchange, 200, listing(), Integer.MAX_VALUE);
      } else if (!path.equals("/org/name/resolve/" + COMMIT + "/" + file)
          || !files.containsKey(file)) {
        exchange.sendResponseHeaders(404, -1);
      } else if (!storage.isEmpty()) {
        exchange.getResponseHeaders().set("Location", storage + path);
        exchange.sendResponseHeaders(302, -1);
      } else {
        content(exchange, file);
      }
    }
  }

  private void content(HttpExchange exchange, String file) throws IOException {
    byte[] all = lies.containsKey(file) ? content(lies, file) : content(file);
    String range = header(exchange, "Range");
    int from = range.isEmpty() ? 0 : Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
    byte[] rest = java.util.Arrays.copyOfRange(all, from, all.length);
    Integer cut = cuts.remove(file);
    send(exchange, from > 0 ? 206 : 200, rest, cut == null ? Integer.MAX_VALUE : cut);
  }

  private static String header(HttpExchange exchange, String name) {
    String value = exchange.getRequestHeaders().getFirst(name);
    return value == null ? "" : value;
  }

  private static void send(HttpExchange exchange, int code, byte[] body, int cut)
      throws IOException {
    exchange.sendResponseHeaders(code, body.length == 0 ? -1 : body.length);
    OutputStream out = exchange.getResponseBody();
    out.write(body, 0, Math.min(cut, body.length));
    out.flush();
    if (cut < body.length) throw new IOException("cut");
  }

  private byte[] listing() throws IOException {
    var json = new ObjectMapper().createObjectNode().put("sha", COMMIT);
    var siblings = json.putArray("siblings");
    files.forEach((name, content) -> {
      var file = siblings.addObject().put("rfilename", name).put("size", content.length);
      file.put("blobId", blobId(content));
      if (name.endsWith(".safetensors"))
        file.putObject("lfs").put("sha256", hash("SHA-256", content)).put("size", content.length);
    });
    return json.toString().getBytes(StandardCharsets.UTF_8);
  }

  static String blobId(byte[] content) {
    byte[] head = ("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII);
    byte[] all = java.util.Arrays.copyOf(head, head.length + content.length);
    System.arraycopy(content, 0, all, head.length, content.length);
    return hash("SHA-1", all);
  }

  static String hash(String algorithm, byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
