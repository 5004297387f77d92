package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.server.TestServer.Answer;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.trainerbridge.client.Delivered;
import dev.turnstone.trainerbridge.client.FeedClient;
import dev.turnstone.trainerbridge.client.FeedOptions;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
final class RunsTest {
  private static final String QA =
      "{\"environment\":\"qa\",\"rewards\":[{\"kind\":\"exact_match\"}]}";
  private static final String RUN =
      "{\"run\":\"r\",\"environment\":\"qa\",\"group_size\":2,\"incomplete\":{\"policy\":\"mask\"}}";

  @TempDir private Path data;
  private TestServer server;

  @BeforeEach
  void start() throws InterruptedException {
    server = TestServer.start(data);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private static String group(String name, String answer) {
    return json(
        "{'group':'%s','task':{'messages':[{'role':'user','content':'6*7?'}],'data':{'answer':'%s'}}}"
            .formatted(name, answer));
  }

  private static String json(String single) {
    return single.replace('\'', '"');
  }

  private void createRun() {
    assertThat(server.post("/v1/environments", QA).status()).isEqualTo(201);
    assertThat(server.post("/v1/runs", RUN).status()).isEqualTo(201);
  }

  @Test
  void anEnvironmentIsRegisteredOnceAndSurvivesARestart() throws InterruptedException {
    assertThat(server.post("/v1/environments", QA).status()).isEqualTo(201);
    assertThat(server.post("/v1/environments", QA).status()).isEqualTo(200);
    Answer other = server.post("/v1/environments", "{\"environment\":\"qa\"}");
    assertThat(other.status()).isEqualTo(400);
    assertThat(other.error()).contains("another body");
    server.close();
    start();
    assertThat(server.get("/v1/environments/qa").json().at("/rewards/0/kind").asText())
        .isEqualTo("exact_match");
    assertThat(server.get("/v1/environments").json().get("environments")).hasSize(1);
    assertThat(server.delete("/v1/environments/qa").status()).isEqualTo(204);
    assertThat(server.get("/v1/environments/qa").status()).isEqualTo(404);
  }

  @Test
  void anEnvironmentInUseStays() {
    createRun();
    assertThat(server.delete("/v1/environments/qa").error())
        .isEqualTo("environment qa is in use by run r");
    assertThat(server.delete("/v1/runs/r").json().get("state").asText()).isEqualTo("cancelled");
    assertThat(server.delete("/v1/environments/qa").status()).isEqualTo(204);
  }

  @Test
  void aPrivateToolAddressNeedsTheAllowList() {
    String tool =
        "{'environment':'e','tools':[{'kind':'sandbox','name':'p','description':'d','url':'http://HERE'}]}";
    for (String address : List.of("127.0.0.1:1", "169.254.169.254", "10.0.0.1", "localhost:1")) {
      Answer answer = server.post("/v1/environments", json(tool.replace("HERE", address)));
      assertThat(answer.status()).as(address).isEqualTo(400);
      assertThat(answer.error()).contains("allow-list");
    }
  }

  @Test
  void groupsAreRolledOutAndDelivered() throws Exception {
    createRun();
    server.policy.says("42").says("41");
    Answer accepted = server.post("/v1/runs/r/groups", group("g-1", "42"));
    assertThat(accepted.status()).isEqualTo(202);
    assertThat(server.post("/v1/runs/r/groups", group("g-1", "42")).status()).isEqualTo(200);
    assertThat(server.post("/v1/runs/r/groups", group("g-1", "43")).status()).isEqualTo(400);

    try (FeedClient feed = connect()) {
      feed.open(8, 1 << 20);
      Delivered delivered = feed.take(Duration.ofSeconds(10)).orElseThrow();
      assertThat(delivered).isInstanceOf(Delivered.Group.class);
      feed.trained(1, 1);
      feed.commit(1, 1, "step-1");
      assertThat(server.post("/v1/runs/r/end", "").status()).isEqualTo(200);
      assertThat(feed.take(Duration.ofSeconds(10)).orElseThrow()).isInstanceOf(Delivered.End.class);
    }

    JsonNode state = server.get("/v1/runs/r/groups/g-1").json();
    assertThat(state.get("state").asText()).isEqualTo("complete");
    List<Double> rewards = new ArrayList<>();
    state.get("rollouts").forEach(rollout -> rewards.add(rollout.get("reward").asDouble()));
    assertThat(rewards).containsExactlyInAnyOrder(0.0, 1.0);
    assertThat(server.get("/v1/runs/r").json().get("state").asText()).isEqualTo("ended");
    assertThat(server.get("/v1/runs").json().get("runs")).hasSize(1);
  }

  private FeedClient connect() throws Exception {
    return FeedClient.connect(
        FeedOptions.of(URI.create(server.server.url()), "r", "test"), Duration.ofSeconds(10));
  }

  @Test
  void aTrajectoryShowsItsTokensAsText() throws Exception {
    createRun();
    server.policy.says("42").says("42");
    server.post("/v1/runs/r/groups", group("g-1", "42"));
    try (FeedClient feed = connect()) {
      feed.open(8, 1 << 20);
      assertThat(feed.take(Duration.ofSeconds(10))).isPresent();
    }
    JsonNode trajectory = server.get("/v1/runs/r/rollouts/g-1/0").json();
    assertThat(trajectory.get("stop").asText()).isEqualTo("answer");
    assertThat(trajectory.get("reward").asDouble()).isEqualTo(1);
    JsonNode row = trajectory.at("/rows/0");
    int prompt = row.get("prompt_length").asInt();
    assertThat(row.at("/texts/" + prompt).asText()).isEqualTo("4");
    assertThat(row.at("/mask/" + prompt).asInt()).isEqualTo(1);
    assertThat(row.at("/mask/" + (prompt - 1)).asInt()).isZero();
    assertThat(row.at("/logprobs/" + prompt).asDouble()).isEqualTo(-0.5);
    assertThat(row.at("/versions/values").toString()).isEqualTo("[-1,0]");
    assertThat(server.get("/v1/runs/r/rollouts/g-1/7").status()).isEqualTo(404);
    assertThat(server.get("/v1/runs/r/rollouts/g-1/x").status()).isEqualTo(400);
  }

  @Test
  void aWatcherSeesWhatHappensUntilTheEnd() throws IOException {
    createRun();
    try (Response events =
        TestServer.CLIENT.newCall(server.to("/v1/runs/r/events").build()).execute()) {
      var lines = events.body().source();
      assertThat(lines.readUtf8Line()).isEqualTo(": ping");
      server.policy.says("42").says("41");
      server.post("/v1/runs/r/groups", group("g-1", "42"));
      server.post("/v1/runs/r/end", "");
      List<String> names = new ArrayList<>();
      for (String line = lines.readUtf8Line(); line != null; line = lines.readUtf8Line())
        if (line.startsWith("event: ")) names.add(line.substring(7));
      assertThat(names).containsExactly("rollout", "rollout", "group", "end");
    }
  }

  @Test
  void aWatcherWhoComesLateSeesThePastFromTheEventItNames() throws Exception {
    createRun();
    server.policy.says("42").says("41");
    server.post("/v1/runs/r/groups", group("g-1", "42"));
    server.post("/v1/runs/r/end", "");
    try (FeedClient feed = connect()) {
      feed.open(8, 1 << 20);
      assertThat(feed.take(Duration.ofSeconds(10))).isPresent();
      assertThat(feed.take(Duration.ofSeconds(10)).orElseThrow()).isInstanceOf(Delivered.End.class);
    }

    List<String> all = events("0");
    assertThat(all.stream().filter(line -> line.startsWith("event: ")))
        .containsExactly("event: rollout", "event: rollout", "event: group", "event: end");
    String second =
        all.stream().filter(line -> line.startsWith("id: ")).skip(1).findFirst().orElseThrow();
    assertThat(events(second.substring(4)).stream().filter(line -> line.startsWith("event: ")))
        .containsExactly("event: group", "event: end");
    assertThat(TestServer.send(watch("newest")).status()).isEqualTo(400);
  }

  private List<String> events(String after) {
    return TestServer.send(watch(after)).text().lines().toList();
  }

  private Request watch(String after) {
    return server.to("/v1/runs/r/events").header("Last-Event-ID", after).build();
  }

  @Test
  void anUnfinishedRunGoesOnAfterARestart() throws Exception {
    createRun();
    server.policy.hangsAfter("4").hangsAfter("4");
    server.post("/v1/runs/r/groups", group("g-1", "42"));
    server.policy.silent.await();
    server.close();
    start();
    try (FeedClient feed = connect()) {
      feed.open(8, 1 << 20);
      assertThat(feed.take(Duration.ofSeconds(10)).orElseThrow())
          .isInstanceOf(Delivered.Group.class);
    }
    assertThat(server.get("/v1/runs/r/groups/g-1").json().at("/rollouts/0/attempt").asInt())
        .isEqualTo(1);
  }

  /// A safetensors file of nothing: the length of its header, and an empty one.
  private static final String NO_TENSORS = "\2\0\0\0\0\0\0\0{}";

  @Test
  void newWeightsServeAndAreLoadedAgainAfterARestart() throws Exception {
    Path folder = Files.createDirectories(data.resolve("weights/v7"));
    Files.writeString(folder.resolve("model.safetensors"), NO_TENSORS);
    String manifest =
        json(
            "{'dtype':'F32','files':{'model.safetensors':{'sha256':'SHA','size':10}},'lineage':'l','tensors':{},'version':7}"
                .replace("SHA", sha256(NO_TENSORS)));
    Files.writeString(folder.resolve("manifest.json"), manifest);
    String body =
        json("{'lineage':'l','version':7,'uri':'URI','manifest_sha256':'SHA'}")
            .replace("URI", folder.toUri().toString())
            .replace("SHA", sha256(manifest));
    Answer applied = server.post("/v1/weights", body);
    assertThat(applied.status()).as(applied.text()).isEqualTo(200);
    assertThat(applied.json().get("version").asInt()).isEqualTo(7);
    assertThat(applied.json().get("pause_ms").asInt()).isEqualTo(2);
    server.close();
    start();
    assertThat(server.get("/v1/weights").json().get("version").asInt()).isEqualTo(7);
    assertThat(server.get("/v1/models").json().at("/data/0/weights/lineage").asText())
        .isEqualTo("l");
    Files.writeString(folder.resolve("model.safetensors"), "changed");
    server.close();
    assertThatThrownBy(this::start)
        .isInstanceOf(StartupError.class)
        .hasMessageContaining("model.safetensors");
  }

  private static String sha256(String text) throws Exception {
    return HexFormat.of()
        .formatHex(MessageDigest.getInstance("SHA-256").digest(TestServer.utf8(text)));
  }

  @Test
  void aStoredEnvironmentThatIsNoLongerAllowedOnlyMattersToAnUnfinishedRun() throws Exception {
    String tool =
        json(
            "{'environment':'e','tools':[{'kind':'sandbox','name':'p','description':'d','url':'http://127.0.0.1:9'}]}");
    server.close();
    server = TestServer.start(data, json("{'tool_addresses':['127.0.0.1:9']}"));
    assertThat(server.post("/v1/environments", tool).status()).isEqualTo(201);
    server.close();
    start();
    assertThat(server.get("/v1/environments/e").status()).isEqualTo(404);
    server.close();
    server = TestServer.start(data, json("{'tool_addresses':['127.0.0.1:9']}"));
    server.post("/v1/runs", json("{'run':'r','environment':'e','group_size':2}"));
    server.close();
    assertThatThrownBy(this::start)
        .isInstanceOf(StartupError.class)
        .hasMessageContaining("environment e of the unfinished run r cannot be used");
  }
}
