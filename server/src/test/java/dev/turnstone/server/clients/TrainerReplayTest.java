package dev.turnstone.server.clients;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.server.TestServer;
import dev.turnstone.server.TestServer.Answer;
import java.nio.file.Path;
import java.util.Objects;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Requests as trainers send them, written after their sources.
@Timeout(30)
final class TrainerReplayTest {
  @Test
  void everyTrainerFindsWhatItReads(@TempDir Path data) throws Exception {
    JsonNode requests =
        new ObjectMapper().readTree(getClass().getResourceAsStream("trainer-requests.json"));
    try (TestServer server = TestServer.start(data)) {
      for (JsonNode request : Objects.requireNonNull(requests)) {
        server.policy.says("ok");
        Answer answer = TestServer.send(request(server, request));
        String what = request.get("trainer") + " " + request.get("path") + ": " + answer.text();
        assertThat(answer.status()).as(what).isEqualTo(200);
        JsonNode found = answer.json().at(request.get("expect").asText());
        assertThat(found.isMissingNode() || found.isNull()).as(what).isFalse();
      }
    }
  }

  private static Request request(TestServer server, JsonNode request) {
    RequestBody body =
        RequestBody.create(request.get("body").toString(), MediaType.get("application/json"));
    Request.Builder built = server.to(request.get("path").asText()).post(body);
    request
        .path("headers")
        .properties()
        .forEach(h -> built.header(h.getKey(), h.getValue().asText()));
    return built.build();
  }
}
