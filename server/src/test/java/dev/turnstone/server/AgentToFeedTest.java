package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import dev.turnstone.rollout.Row;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.wire.GroupCodec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okio.ByteString;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// From one end to the other: OpenAI's own client drives a session of the tiny policy, and the
/// trainer's feed delivers exactly the ids that were sampled.
@Timeout(120)
final class AgentToFeedTest {
  private static final int TURNS = 3;

  /// Ids of a turn as the client saw them.
  private record Turn(List<Integer> prompt, List<Integer> sampled, List<Double> logprobs) {}

  @Test
  void whatATrainerGetsIsWhatWasSampled(@TempDir Path data) throws Exception {
    Config config =
        Config.of(
            Wire.JSON
                .createObjectNode()
                .put("model", Path.of("..", "models", "tiny").toString())
                .put("port", 0)
                .put("data", data.toString()));
    try (Server server = Server.listen(config)) {
      server.serve(metrics -> ServeCommand.load(config, metrics));
      post(server, "/v1/runs", "{\"run\":\"r\",\"driver\":\"agent\",\"group_size\":2}");
      JsonNode group =
          post(
              server,
              "/v1/runs/r/groups",
              "{\"group\":\"g\",\"task\":{\"messages\":[{\"role\":\"user\",\"content\":\"go\"}]}}");
      List<List<Turn>> rollouts = new ArrayList<>();
      for (JsonNode session : group.get("sessions")) {
        rollouts.add(agent(session));
        post(server, "/v1/sessions/" + session.get("id").asText() + "/finish", "{\"reward\":1}");
      }
      List<Row> rows = delivered(server);
      assertThat(rows).hasSize(rollouts.size());
      for (int i = 0; i < rows.size(); i++) check(rows.get(i), rollouts.get(i));
    }
  }

  private static List<Turn> agent(JsonNode session) {
    OpenAIClient client =
        OpenAIOkHttpClient.builder()
            .baseUrl(session.get("base_url").asText())
            .apiKey(session.get("agent_key").asText())
            .maxRetries(5) // the session opens when its group is admitted
            .build();
    ChatCompletionCreateParams.Builder chat =
        ChatCompletionCreateParams.builder().model("default").addUserMessage("What is 6 * 7?");
    List<Turn> turns = new ArrayList<>();
    for (int i = 0; i < TURNS; i++) {
      ChatCompletion reply =
          client
              .chat()
              .completions()
              .create(
                  chat.maxCompletionTokens(12)
                      .logprobs(true)
                      .putAdditionalBodyProperty("return_token_ids", JsonValue.from(true))
                      .build());
      var choice = reply.choices().getFirst();
      turns.add(
          new Turn(
              ids(Objects.requireNonNull(reply._allProperties().get("prompt_token_ids"))),
              ids(Objects.requireNonNull(choice._allProperties().get("token_ids"))),
              choice.logprobs().orElseThrow().content().orElseThrow().stream()
                  .map(entry -> entry.logprob())
                  .toList()));
      chat.addMessage(choice.message()).addUserMessage("And then?");
    }
    client.close();
    return turns;
  }

  private static List<Integer> ids(JsonValue list) {
    List<Integer> ids = new ArrayList<>();
    Objects.requireNonNull(list.convert(JsonNode.class)).forEach(id -> ids.add(id.intValue()));
    return ids;
  }

  private static void check(Row row, List<Turn> turns) {
    Turn last = turns.getLast();
    List<Integer> whole = new ArrayList<>(last.prompt());
    whole.addAll(last.sampled());
    List<Integer> delivered = new ArrayList<>();
    for (int i = 0; i < row.ids().size(); i++) delivered.add(row.ids().get(i));
    assertThat(delivered).isEqualTo(whole);

    boolean[] sampled = new boolean[whole.size()];
    for (Turn turn : turns) {
      int from = turn.prompt().size();
      assertThat(whole.subList(0, from)).isEqualTo(turn.prompt());
      assertThat(whole.subList(from, from + turn.sampled().size())).isEqualTo(turn.sampled());
      for (int i = 0; i < turn.sampled().size(); i++) {
        sampled[from + i] = true;
        assertThat(row.logprobs().get(from + i))
            .isEqualTo((float) Math.min(0, turn.logprobs().get(i)));
      }
    }
    for (int i = 0; i < sampled.length; i++)
      assertThat(row.mask().get(i)).as("mask at %d", i).isEqualTo(sampled[i]);
  }

  private static List<Row> delivered(Server server) throws InterruptedException {
    BlockingQueue<ByteString> frames = new LinkedBlockingQueue<>();
    Request upgrade =
        new Request.Builder()
            .url(server.url() + "/v1/runs/r/feed")
            .header("Sec-WebSocket-Protocol", "turnstone.v1")
            .build();
    WebSocket socket =
        TestServer.CLIENT.newWebSocket(
            upgrade,
            new WebSocketListener() {
              @Override
              public void onMessage(WebSocket from, ByteString bytes) {
                frames.add(bytes);
              }
            });
    socket.send("{\"type\":\"hello\",\"run\":\"r\",\"role\":\"train\",\"consumer\":\"test\"}");
    socket.send("{\"type\":\"credit\",\"groups\":1,\"bytes\":1000000}");
    ByteString frame = frames.poll(30, TimeUnit.SECONDS);
    socket.cancel();
    assertThat(frame).as("a group").isNotNull();
    return GroupCodec.decode(frame.toByteArray()).rows().stream().map(row -> row.data()).toList();
  }

  private static JsonNode post(Server server, String path, String body) {
    var answer =
        TestServer.send(
            new Request.Builder()
                .url(server.url() + path)
                .post(RequestBody.create(body, MediaType.get("application/json")))
                .build());
    assertThat(answer.status()).as(answer.text()).isBetween(200, 299);
    return answer.json();
  }
}
