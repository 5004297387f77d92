package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.turnstone.server.TestServer.Answer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Every route of the contract under bodies, queries and paths that a fuzzer makes of it. More
/// rounds with `-Dturnstone.fuzz.rounds=N`, another start with `-Dturnstone.fuzz.seed=N`.
@Timeout(600)
final class FuzzTest {
  private static final int ROUNDS = Integer.getInteger("turnstone.fuzz.rounds", 8);
  private static final long SEED = Long.getLong("turnstone.fuzz.seed", 1);

  private final Random random = new Random(SEED);
  private JsonNode contract = new YAMLMapper().createObjectNode();

  @Test
  void nothingThatIsSentBreaksTheServer(@TempDir Path data) throws Exception {
    contract = new YAMLMapper().readTree(getClass().getResourceAsStream("/turnstone.yaml"));
    try (TestServer server = TestServer.start(data)) {
      List<String> broken = new ArrayList<>();
      for (int round = 0; round < ROUNDS; round++)
        for (var path : contract.get("paths").properties())
          for (String method : List.of("get", "post", "delete"))
            if (path.getValue().has(method) && !endless(path.getKey()))
              send(server, path.getKey(), method, path.getValue().get(method), broken);
      assertThat(broken).isEmpty();
      assertThat(server.get("/metrics").text()).contains("turnstone_completions 0.0");
      assertThat(server.get("/ready").status()).isEqualTo(200);
    }
  }

  /// What stays open for as long as its client wants.
  private static boolean endless(String path) {
    return path.endsWith("/events") || path.endsWith("/feed");
  }

  private void send(
      TestServer server, String path, String method, JsonNode operation, List<String> broken) {
    String url = path.replaceAll("\\{[a-z]+}", random.nextBoolean() ? "0" : "%00%F0%9F%98%80");
    if (random.nextInt(3) == 0)
      url += "?mode=%GG&level=x&tags=".substring(0, 5 + random.nextInt(18));
    JsonNode schema = operation.at("/requestBody/content/application~1json/schema");
    Fuzz fuzz = new Fuzz(contract, random);
    String body = schema.isMissingNode() ? "" : fuzz.value(schema, 0).toString();
    if (random.nextInt(10) == 0) body = body.substring(0, random.nextInt(body.length() + 1));
    RequestBody sent =
        method.equals("post") ? RequestBody.create(body, MediaType.get("application/json")) : null;
    Request request;
    try {
      request = server.to(url).method(method.toUpperCase(Locale.ROOT), sent).build();
    } catch (IllegalArgumentException e) {
      return; // The client itself refuses such a URL.
    }
    Answer answer = TestServer.send(request);
    if (answer.status() >= 500 && answer.status() != 503)
      broken.add("%s %s %s: %s".formatted(method, url, body, answer.text()));
  }
}
