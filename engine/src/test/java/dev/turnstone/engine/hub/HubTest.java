package dev.turnstone.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.engine.ModelException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HubTest {
  private static final String TOKEN = "hf_s3cret";
  private static final HubModel MODEL = new HubModel("org/name", "main");

  @TempDir Path home;
  private StubHub hub;
  private final Map<String, String> environment = new HashMap<>();
  private final List<String> progress = new ArrayList<>();

  @BeforeEach
  void start() throws IOException {
    hub = new StubHub();
    environment.put("HF_ENDPOINT", hub.url("127.0.0.1"));
    environment.put("HF_HOME", home.toString());
    put("config.json", config("LlamaForCausalLM"));
    put("tokenizer.json", "{}");
    byte[] weights = new byte[200_000];
    new Random(1).nextBytes(weights);
    hub.files.put("model.safetensors", weights);
    put("pytorch_model.bin", "not wanted");
    put("README.md", "not wanted");
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  private void put(String name, String content) {
    hub.files.put(name, content.getBytes(StandardCharsets.UTF_8));
  }

  private static String config(String architecture) {
    return """
    {"architectures": ["%s"], "vocab_size": 8, "hidden_size": 8, "intermediate_size": 8,
     "num_hidden_layers": 1, "num_attention_heads": 1, "max_position_embeddings": 8}
    """
        .formatted(architecture);
  }

  private Path fetch() throws Exception {
    return new Hub(HubSettings.of(environment), Duration.ofMillis(1))
        .fetch(MODEL, (file, bytes, of) -> progress.add(file + " " + bytes + "/" + of));
  }

  private List<String> paths() {
    return hub.asked.stream().map(StubHub.Asked::path).toList();
  }

  @Test
  void theCacheIsThatOfHuggingFaceHub() throws Exception {
    Path snapshot = fetch();
    Path root = home.resolve("hub/models--org--name");
    assertThat(snapshot).isEqualTo(root.resolve("snapshots/" + StubHub.COMMIT));
    assertThat(root.resolve("refs/main")).hasContent(StubHub.COMMIT);
    byte[] weights = hub.content("model.safetensors");
    assertThat(Files.readSymbolicLink(snapshot.resolve("model.safetensors")))
        .isEqualTo(Path.of("../../blobs", StubHub.hash("SHA-256", weights)));
    assertThat(Files.readSymbolicLink(snapshot.resolve("tokenizer.json")))
        .isEqualTo(Path.of("../../blobs", StubHub.blobId("{}".getBytes(StandardCharsets.UTF_8))));
    assertThat(snapshot.resolve("model.safetensors")).hasBinaryContent(weights);
    assertThat(snapshot.toFile().list())
        .containsExactlyInAnyOrder("config.json", "tokenizer.json", "model.safetensors");
    assertThat(progress).contains("model.safetensors 0/200000", "model.safetensors 200000/200000");
  }

  @Test
  void whatIsHereIsNotDownloadedAgain() throws Exception {
    fetch();
    hub.asked.clear();
    fetch();
    assertThat(paths()).containsExactly("/api/models/org/name/revision/main");
  }

  @Test
  void aDownloadGoesOnWhereItWasBrokenOff() throws Exception {
    hub.cuts.put("model.safetensors", 120_000);
    Path snapshot = fetch();
    assertThat(snapshot.resolve("model.safetensors"))
        .hasBinaryContent(hub.content("model.safetensors"));
    List<String> ranges =
        hub.asked.stream()
            .filter(asked -> asked.path().endsWith("model.safetensors"))
            .map(StubHub.Asked::range)
            .toList();
    assertThat(ranges).hasSize(2).first().isEqualTo("");
    assertThat(ranges.getLast()).matches("bytes=[1-9]\\d*-");
  }

  @Test
  void anotherProcessGoesOnToo() throws Exception {
    byte[] weights = hub.content("model.safetensors");
    Path blobs = Files.createDirectories(home.resolve("hub/models--org--name/blobs"));
    Files.write(
        blobs.resolve(StubHub.hash("SHA-256", weights) + ".incomplete"),
        java.util.Arrays.copyOf(weights, 150_000));
    assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(weights);
    assertThat(hub.asked).anyMatch(asked -> asked.range().equals("bytes=150000-"));
  }

  @ParameterizedTest
  @CsvSource({"model.safetensors", "tokenizer.json"})
  void aWrongChecksumIsRefusedAndNothingIsKept(String file) throws Exception {
    byte[] lie = hub.content(file).clone();
    lie[0]++;
    hub.lies.put(file, lie);
    assertThatThrownBy(this::fetch)
        .isInstanceOf(ModelException.class)
        .hasMessageStartingWith(file + " of org/name came with the checksum ")
        .hasMessageEndingWith(" and was thrown away; try again");
    assertThat(home.resolve("hub/models--org--name/snapshots/" + StubHub.COMMIT + "/" + file))
        .doesNotExist();
    assertThat(home.resolve("hub/models--org--name/refs/main")).doesNotExist();
    hub.lies.clear();
    assertThat(fetch().resolve(file)).hasBinaryContent(hub.content(file));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          401 | RepoNotFound | no  | 127.0.0.1 shows org/name to nobody without a token: check the name, or set HF_TOKEN to one that may read it
          401 |              | yes | 127.0.0.1 refuses your HF_TOKEN for org/name: check that it is valid and may read it
          403 | GatedRepo    | yes | org/name is gated: accept its terms at URL/org/name with the account whose token HF_TOKEN is
          401 | GatedRepo    | no  | org/name is gated: accept its terms at URL/org/name and set HF_TOKEN to a token of your account
          404 | RepoNotFound | yes | 127.0.0.1 has no model org/name: check the name
          404 | RevisionNotFound | no | 127.0.0.1 has no revision main of org/name
          500 |              | no  | org/name cannot be downloaded from 127.0.0.1 (127.0.0.1 answers 500 for org/name); with HF_HUB_OFFLINE=1 a copy in the cache is used
          """)
  void aRefusalSaysWhatToDo(int code, String error, String token, String sentence) {
    hub.refusal = code;
    hub.errorCode = error == null ? "" : error;
    if (token.equals("yes")) environment.put("HF_TOKEN", TOKEN);
    assertThatThrownBy(this::fetch)
        .isInstanceOf(ModelException.class)
        .hasMessage(sentence.replace("URL", hub.url("127.0.0.1")))
        .hasMessageNotContaining(TOKEN);
  }

  @Test
  void theTokenGoesToTheHubAndNotToItsStorage() throws Exception {
    environment.put("HF_TOKEN", TOKEN);
    try (var storage = new StubHub()) {
      storage.files.putAll(hub.files);
      hub.storage = storage.url("localhost");
      fetch();
      assertThat(hub.asked).allMatch(asked -> asked.authorization().equals("Bearer " + TOKEN));
      assertThat(storage.asked).hasSize(3).allMatch(asked -> asked.authorization().isEmpty());
    }
    assertThat(HubSettings.of(environment).toString()).doesNotContain(TOKEN);
  }

  @Test
  void theTokenMayLieInItsFile() throws Exception {
    Files.writeString(home.resolve("token"), TOKEN + "\n");
    fetch();
    assertThat(hub.asked).allMatch(asked -> asked.authorization().equals("Bearer " + TOKEN));
  }

  @Test
  void offlineTheCacheIsAllThereIs() throws Exception {
    environment.put("HF_HUB_OFFLINE", "1");
    assertThatThrownBy(this::fetch)
        .hasMessage(
            "org/name is not in the cache %s/hub, and HF_HUB_OFFLINE forbids to download it"
                .formatted(home));
    environment.remove("HF_HUB_OFFLINE");
    Path snapshot = fetch();
    hub.asked.clear();
    environment.put("HF_HUB_OFFLINE", "true");
    assertThat(fetch()).isEqualTo(snapshot);
    assertThat(hub.asked).isEmpty();
  }

  @Test
  void theShardsOfTheIndexAreTheWeights() throws Exception {
    put("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"m-1.safetensors\"}}");
    put("m-1.safetensors", "one");
    assertThat(fetch().toFile().list())
        .contains("m-1.safetensors")
        .doesNotContain("model.safetensors");
  }

  @Test
  void aMissingShardIsNamed() {
    put("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"m-2.safetensors\"}}");
    assertThatThrownBy(this::fetch).hasMessageContaining("names the shard m-2.safetensors");
  }

  @Test
  void anUnsupportedModelIsRefusedBeforeItsWeightsAreOnTheWay() {
    put("config.json", config("MambaForCausalLM"));
    assertThatThrownBy(this::fetch)
        .hasMessageContaining("architecture MambaForCausalLM is not supported");
    assertThat(paths()).noneMatch(path -> path.endsWith(".safetensors"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          model.safetensors | org/name has no safetensors weights on 127.0.0.1
          tokenizer.json    | org/name has no tokenizer.json on 127.0.0.1
          """)
  void whatIsMissingIsNamed(String file, String sentence) {
    hub.files.remove(file);
    assertThatThrownBy(this::fetch).hasMessage(sentence);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          org/name               | org/name | main
          org/name@v1.0          | org/name | v1.0
          o-r_g/n.a-m.e@refs/pr/1 | o-r_g/n.a-m.e | refs/pr/1
          tiny                   | none | none
          ../models              | none | none
          org/name@../x          | none | none
          a/b/c                  | none | none
          /etc/passwd            | none | none
          org/..                 | none | none
          """)
  void aModelOfTheHubIsTwoNamesAndPerhapsARevision(
      String text, String repository, String revision) {
    assertThat(HubModel.parse(text).map(HubModel::repository).orElse("none")).isEqualTo(repository);
    assertThat(HubModel.parse(text).map(HubModel::revision).orElse("none")).isEqualTo(revision);
  }
}
