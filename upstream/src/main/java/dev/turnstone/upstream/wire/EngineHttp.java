package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import okhttp3.ConnectionPool;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/// The one HTTP client of all engines: connections are kept, redirects are refused, and nothing is
/// sent twice behind the caller's back.
public final class EngineHttp implements AutoCloseable {
  /// NaN is no JSON, but engines write it, and it must be called by its name.
  public static final JsonMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private static final MediaType JSON_TYPE = MediaType.get("application/json");
  private static final Duration CONNECT = Duration.ofSeconds(5);

  /// Below uvicorn's usual 5 s, after which vLLM closes what is idle.
  private static final Duration IDLE = Duration.ofSeconds(4);

  private static final int IDLE_CONNECTIONS = 1024;
  private static final int EXCERPT = 200;

  private final OkHttpClient client;

  /// For what is answered as a whole, which may take as long as its own timeout says.
  private final OkHttpClient patient;

  /// A client.
  ///
  /// @param stall after which an engine that sends nothing has lost the request
  public EngineHttp(Duration stall) {
    client =
        new OkHttpClient.Builder()
            .connectionPool(
                new ConnectionPool(IDLE_CONNECTIONS, IDLE.toMillis(), TimeUnit.MILLISECONDS))
            .connectTimeout(CONNECT)
            .readTimeout(stall)
            .writeTimeout(Duration.ofSeconds(30))
            .followRedirects(false)
            .socketFactory(new PromptSockets())
            // An engine has one address: nothing to race, and no task to schedule for it.
            .fastFallback(false)
            .retryOnConnectionFailure(false)
            .build();
    patient = client.newBuilder().readTimeout(Duration.ZERO).build();
  }

  /// A request that has not been sent, and whose answer is a stream.
  ///
  /// @param timeout for all of it
  public Call call(URI engine, String path, Optional<String> key, byte[] body, Duration timeout) {
    return call(client, engine, path, key, body, timeout);
  }

  /// A request that has not been sent, and that is answered as a whole.
  ///
  /// @param timeout for all of it
  public Call whole(URI engine, String path, Optional<String> key, byte[] body, Duration timeout) {
    return call(patient, engine, path, key, body, timeout);
  }

  private static Call call(
      OkHttpClient by,
      URI engine,
      String path,
      Optional<String> key,
      byte[] body,
      Duration timeout) {
    Request.Builder request = request(engine, path, key);
    Call call = by.newCall(request.post(RequestBody.create(body, JSON_TYPE)).build());
    call.timeout().timeout(Math.max(1, timeout.toMillis()), TimeUnit.MILLISECONDS);
    return call;
  }

  private static Request.Builder request(URI engine, String path, Optional<String> key) {
    String base = engine.toString();
    String joined = (base.endsWith("/") ? base.substring(0, base.length() - 1) : base) + path;
    Request.Builder request =
        new Request.Builder().url(joined).header("Accept-Encoding", "identity");
    key.ifPresent(value -> request.header("Authorization", "Bearer " + value));
    return request;
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
    Call call = client.newCall(request(engine, path, key).build());
    call.timeout().timeout(Math.max(1, timeout.toMillis()), TimeUnit.MILLISECONDS);
    return answer(call);
  }

  public Answer post(URI engine, String path, Optional<String> key, JsonNode body, Duration timeout)
      throws EngineFault, InterruptedException {
    return answer(whole(engine, path, key, bytes(body), timeout));
  }

  /// Sends a request that is answered as a whole.
  public Answer answer(Call call) throws EngineFault, InterruptedException {
    try (Response response = call.execute()) {
      checkRedirect(response);
      return new Answer(response.code(), response.body().string());
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

  static void checkRedirect(Response response) throws EngineFault {
    if (response.code() / 100 == 3)
      throw EngineFault.broken(
          "it answers with a redirect to " + response.header("Location", "nowhere"));
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
    return new EngineFault(Kind.GONE, "its connection failed: " + e.getMessage(), e);
  }

  @Override
  public void close() {
    client.connectionPool().evictAll();
    client.dispatcher().executorService().shutdown();
  }
}
