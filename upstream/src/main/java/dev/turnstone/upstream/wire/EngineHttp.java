package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.upstream.http.Connections;
import dev.turnstone.upstream.http.EngineCall;
import dev.turnstone.upstream.http.EngineReply;
import dev.turnstone.upstream.http.RequestHead;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import java.io.IOException;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;

/// The one HTTP client of all engines: connections are kept, redirects are refused, and nothing is
/// sent twice behind the caller's back.
public final class EngineHttp implements AutoCloseable {
  /// NaN is no JSON, but engines write it, and it must be called by its name.
  public static final JsonMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private static final byte[] NO_BODY = {};
  private static final int EXCERPT = 200;

  /// More bytes than the scores of a long prompt take. Who sends more does not stop.
  private static final int LARGEST = 512 << 20;

  private final Connections connections = new Connections();
  private final Duration stall;

  /// A client.
  ///
  /// @param stall after which an engine that sends nothing has lost the request
  public EngineHttp(Duration stall) {
    this.stall = stall;
  }

  /// A request that has not been sent, and whose answer is a stream.
  ///
  /// @param timeout for all of it
  public EngineCall call(
      URI engine, String path, Optional<String> key, byte[] body, Duration timeout) {
    return connections.call(engine, new RequestHead("POST", path, key), body, timeout, stall);
  }

  /// A request that has not been sent, and that is answered as a whole, which may take as long as
  /// its timeout says.
  ///
  /// @param timeout for all of it
  public EngineCall whole(
      URI engine, String path, Optional<String> key, byte[] body, Duration timeout) {
    RequestHead head = new RequestHead("POST", path, key);
    return connections.call(engine, head, body, timeout, Duration.ZERO);
  }

  /// Status and body of a request that is answered as a whole.
  public record Answer(int status, String text) {
    public boolean ok() {
      return status / 100 == 2;
    }

    /// Whether the engine has no such route.
    public boolean missing() {
      return status == 404 || status == 405 || status == 501;
    }

    /// The body.
    ///
    /// @throws EngineFault if it is not JSON
    public JsonNode json() throws EngineFault {
      return parse(text);
    }
  }

  public Answer get(URI engine, String path, Optional<String> key, Duration timeout)
      throws EngineFault, InterruptedException {
    return answer(
        connections.call(engine, new RequestHead("GET", path, key), NO_BODY, timeout, stall));
  }

  public Answer post(URI engine, String path, Optional<String> key, JsonNode body, Duration timeout)
      throws EngineFault, InterruptedException {
    return answer(whole(engine, path, key, bytes(body), timeout));
  }

  /// Sends a request that is answered as a whole.
  public Answer answer(EngineCall call) throws EngineFault, InterruptedException {
    try (EngineReply reply = call.send()) {
      checkRedirect(reply);
      return new Answer(reply.status(), new String(reply.rest(LARGEST), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw gone(e);
    }
  }

  static byte[] bytes(JsonNode body) {
    try {
      return JSON.writeValueAsBytes(body);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree is always JSON", e);
    }
  }

  /// A body that begins with ids, which are many and therefore no tree.
  ///
  /// @param rest at least one more field
  static byte[] withIds(String name, Tokens ids, ObjectNode rest) {
    byte[] field = ("{\"" + name + "\":").getBytes(StandardCharsets.US_ASCII);
    byte[] list = ids.toJson();
    byte[] others = bytes(rest);
    byte[] all = Arrays.copyOf(field, field.length + list.length + others.length);
    System.arraycopy(list, 0, all, field.length, list.length);
    System.arraycopy(others, 0, all, field.length + list.length, others.length);
    all[field.length + list.length] = ','; // instead of the brace that opens the others
    return all;
  }

  static void checkRedirect(EngineReply reply) throws EngineFault {
    if (reply.status() / 100 == 3)
      throw EngineFault.broken(
          "it answers with a redirect to " + excerpt(reply.header("location")));
  }

  static JsonNode parse(String text) throws EngineFault {
    try {
      JsonNode node = JSON.readTree(text);
      if (node.isMissingNode()) throw EngineFault.broken("it answers nothing");
      return node;
    } catch (JsonProcessingException e) {
      throw EngineFault.broken("it answers what is not JSON: " + excerpt(text));
    }
  }

  /// The beginning of what an engine says, on one line.
  public static String excerpt(String text) {
    String line = text.strip().replaceAll("\\s+", " ");
    if (line.isEmpty()) return "nothing";
    return line.length() <= EXCERPT ? line : line.substring(0, EXCERPT) + "…";
  }

  /// The fault that a failed exchange is.
  ///
  /// @throws InterruptedException if that was why it failed
  static EngineFault gone(IOException e) throws InterruptedException {
    if (Thread.interrupted()) throw new InterruptedException();
    // The system's own sentence is only there the first time.
    String why = e instanceof UnknownHostException ? "its host has no address now" : e.getMessage();
    return new EngineFault(Kind.GONE, "its connection failed: " + why, e);
  }

  @Override
  public void close() {
    connections.close();
  }
}
