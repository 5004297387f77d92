package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Tokens;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import okhttp3.ConnectionPool;
import okhttp3.Dispatcher;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/// Streams completions of token ids from a server: the same client for all of them.
final class CompletionClient {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final EngineServer server;
  private final OkHttpClient http;

  /// One completion as the client saw it.
  ///
  /// @param arrivals by `System.nanoTime`, of each piece of the stream that had text or ids
  /// @param ids what was generated, where the server says so
  record Seen(long sent, List<Long> arrivals, int generated, Tokens ids) {}

  CompletionClient(EngineServer server) {
    this.server = server;
    Dispatcher dispatcher = new Dispatcher();
    dispatcher.setMaxRequests(1024);
    dispatcher.setMaxRequestsPerHost(1024);
    http =
        new OkHttpClient.Builder()
            .readTimeout(Duration.ofMinutes(5))
            .dispatcher(dispatcher)
            .connectionPool(new ConnectionPool(256, 1, TimeUnit.MINUTES))
            .build();
  }

  /// Generates exactly so many tokens at temperature 1.
  Seen complete(Tokens prompt, int generate, long seed) throws IOException {
    boolean llama = server.kind() == EngineServer.Kind.LLAMA;
    ObjectNode body = JSON.createObjectNode();
    var ids = body.putArray("prompt");
    for (int id : prompt.toArray()) ids.add(id);
    body.put("stream", true).put("temperature", 1.0).put("ignore_eos", true);
    // vLLM 0.32 on CPUs dies of 64 seeded requests: "CPU Generator does not use offset".
    if (server.kind() != EngineServer.Kind.VLLM) body.put("seed", seed);
    if (llama)
      body.put("n_predict", generate)
          .put("return_tokens", true)
          .put("cache_prompt", true)
          .put("top_k", 0)
          .put("top_p", 1.0)
          .put("min_p", 0.0);
    else body.put("max_tokens", generate).put("return_token_ids", true);
    String path = llama ? "/completion" : "/v1/completions";
    long sent = System.nanoTime();
    try (Response response =
        http.newCall(
                new Request.Builder()
                    .url(server.url() + path)
                    .post(RequestBody.create(body.toString(), MediaType.get("application/json")))
                    .build())
            .execute()) {
      if (!response.isSuccessful())
        throw new IOException(server.kind() + " answered " + response.body().string());
      return read(response, sent, generate);
    }
  }

  private Seen read(Response response, long sent, int generate) throws IOException {
    var lines = response.body().source();
    List<Long> arrivals = new ArrayList<>();
    List<Integer> ids = new ArrayList<>();
    for (String line = lines.readUtf8Line(); line != null; line = lines.readUtf8Line()) {
      if (!line.startsWith("data: {")) continue;
      JsonNode piece = JSON.readTree(line.substring(6));
      if (piece.has("error")) throw new IOException(server.kind() + " says " + piece);
      JsonNode choice = piece.path("choices").path(0);
      JsonNode some = piece.has("tokens") ? piece.path("tokens") : choice.path("token_ids");
      if (some.isEmpty() && piece.path("content").asText(choice.path("text").asText()).isEmpty())
        continue;
      arrivals.add(System.nanoTime());
      some.forEach(id -> ids.add(id.asInt()));
    }
    if (arrivals.isEmpty()) throw new IOException(server.kind() + " sent nothing");
    int[] known = ids.stream().mapToInt(Integer::intValue).toArray();
    return new Seen(sent, arrivals, generate, Tokens.of(known));
  }
}
