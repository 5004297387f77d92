package dev.turnstone.trainerbridge.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.trainerbridge.feed.FeedSession;
import dev.turnstone.trainerbridge.feed.RecordingSocket;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.runs.Bridge;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.WeightsFolder.Published;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

public class WeightsTest {
  @TempDir Path directory;
  @TempDir Path elsewhere;
  private Bridge bridge;

  @BeforeEach
  void open() throws Exception {
    bridge = Bridge.started(directory);
  }

  @AfterEach
  void close() {
    bridge.close();
  }

  @Test
  void theLastAppliedWeightsAreLoadedAgainAtStart() throws Exception {
    bridge.publish(1);
    bridge.publish(2);
    WeightsId served = bridge.weights.serving();
    bridge.close();

    bridge = Bridge.started(directory);

    assertThat(bridge.weights.serving()).isEqualTo(served);
    assertThat(served.version()).isEqualTo(2);
    assertThat(bridge.policy.updates()).hasSize(1);
  }

  @Test
  void aServerWhoseWeightsAreGoneSaysWhich() throws Exception {
    bridge.publish(1);
    bridge.close();
    for (Path kept : list(directory.resolve(".applied")))
      Files.delete(kept.resolve("model.safetensors"));

    assertThatThrownBy(() -> new Bridge(directory))
        .isInstanceOf(WeightsRejected.class)
        .hasMessageContaining("model.safetensors is not a file in ");
    bridge = Bridge.started(elsewhere);
  }

  @Test
  void theServingWeightsOutliveTheTrainersFolder() throws Exception {
    for (int version = 1; version <= 4; version++) bridge.publish(version);
    bridge.close();
    Files.move(directory.resolve("weights"), elsewhere.resolve("weights"));

    bridge = Bridge.started(directory);

    assertThat(bridge.weights.serving().version()).isEqualTo(4);
    assertThat(list(directory.resolve(".applied"))).hasSize(2);
  }

  @Test
  void whatTheServerKeepsStaysWhenItIsNamedAndRefused() throws Exception {
    Published published = Bridge.published(directory, "base", 1, 1);
    assertThat(apply(published)).isInstanceOf(WeightsOutcome.Applied.class);
    Path kept = list(directory.resolve(".applied")).getFirst();
    bridge.publish("other", 1, Optional.empty(), OptionalLong.empty());
    bridge.policy.judge(update -> {
      throw new WeightsRejected("no");
    });

    assertThat(apply(new Published(published.id(), kept)))
        .isEqualTo(new WeightsOutcome.Refused("no"));
    assertThat(kept.resolve("model.safetensors")).exists();
  }

  @Test
  void filesThatAreCutOffWhileTheyAreLoadedAreRefused() throws Exception {
    bridge.policy.judge(update -> {
      throw new InternalError("a fault occurred in an unsafe memory access operation");
    });

    assertThat(apply(Bridge.published(directory, "base", 1, 1)))
        .isEqualTo(new WeightsOutcome.Refused("the weights' files changed while they were read"));
  }

  @Test
  void filesThatAreCutOffWhileTheyAreCheckedAreRefused() {
    try (ByteCheck check =
        ByteCheck.begin(() -> {
          throw new InternalError("a fault occurred in an unsafe memory access operation");
        })) {
      assertThatThrownBy(check::await)
          .isInstanceOf(WeightsRejected.class)
          .hasMessage("the weights' files changed while they were read");
    }
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void weightsThatAreNotFiniteAreRefusedByTensor(float value) throws Exception {
    bridge.publish(1);
    assertThat(apply(Bridge.published(directory, "base", 2, value)))
        .isEqualTo(new WeightsOutcome.Refused("tensor w holds a number that is not finite"));
    assertThat(bridge.weights.serving().version()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({
    "'[1]', '[2]', 'the shape of tensor w is not [2] but [1]'",
    "'\"F32\"', '\"BF16\"', 'the dtype of tensor w is not \"BF16\" but \"F32\"'",
    "'\"w\":{', '\"v\":{', 'the manifest does not list tensor w'"
  })
  void aManifestThatLiesAboutItsTensorsIsRefused(String said, String lie, String why)
      throws Exception {
    Published published = Bridge.published(directory, "base", 1, 1);
    Path manifest = published.folder().resolve("manifest.json");
    String text = Files.readString(manifest);
    int tensors = text.indexOf("\"tensors\"");
    String lies = text.substring(0, tensors) + text.substring(tensors).replace(said, lie);
    Files.writeString(manifest, lies);
    WeightsId id = new WeightsId("base", 1, JsonText.sha256(lies));

    assertThat(apply(new Published(id, published.folder())))
        .isEqualTo(new WeightsOutcome.Refused(why));
  }

  @Test
  void aManifestSaysHowItsWeightsAreAppliedUnlessTheRequestDoes() throws Exception {
    Published published = Bridge.published(directory, "base", 1, 1);
    Path file = published.folder().resolve("manifest.json");
    String wishes =
        """
        ,"pause":"wait","kv":"keep","probe":{"ids":[1,2],"logprobs":[-0.5],"tolerance":0.1}}\
        """;
    String text = Files.readString(file);
    String manifest = text.substring(0, text.length() - 1) + wishes;
    Files.writeString(file, manifest);
    WeightsId id = new WeightsId("base", 1, JsonText.sha256(manifest));

    assertThat(apply(new Published(id, published.folder())))
        .isInstanceOf(WeightsOutcome.Applied.class);

    WeightsUpdate update = bridge.policy.updates().getFirst();
    assertThat(update.pause()).isEqualTo(WeightsUpdate.Pause.WAIT);
    assertThat(update.kv()).isEqualTo(WeightsUpdate.Kv.KEEP);
    assertThat(update.probe().orElseThrow().tolerance()).isEqualTo(0.1);
  }

  @Test
  void theSameVersionAgainIsAnsweredWithoutLoading() throws Exception {
    Published one = Bridge.published(directory, "base", 1, 1);

    assertThat(apply(one)).isInstanceOf(WeightsOutcome.Applied.class);
    assertThat(apply(one)).isInstanceOf(WeightsOutcome.Applied.class);

    assertThat(bridge.policy.updates()).hasSize(1);
  }

  @Test
  void otherBytesNeedANewLineageAndVersionsOnlyGrow() throws Exception {
    apply(Bridge.published(directory, "base", 2, 2));

    assertThat(apply(Bridge.published(directory, "base", 2, 3)))
        .isEqualTo(
            new WeightsOutcome.Refused(
                "version 2 of lineage base has other bytes already: they need a new lineage"));
    assertThat(apply(Bridge.published(directory, "base", 1, 1)))
        .isEqualTo(new WeightsOutcome.Refused("version 1 is older than version 2 of lineage base"));
    assertThat(apply(Bridge.published(directory, "branch", 1, 1)))
        .isInstanceOf(WeightsOutcome.Applied.class);
    assertThat(apply(Bridge.published(directory, "base", 1, 1)))
        .isEqualTo(new WeightsOutcome.Refused("version 1 is older than version 2 of lineage base"));
  }

  @Test
  void oneRunOwnsThePolicysWeightsUntilItIsDone() throws Exception {
    Run owner = bridge.run("");
    RunSpec other =
        RunSpec.parse(
            JsonText.parse("{\"run\":\"other\",\"environment\":\"python\",\"group_size\":2}"), 100);
    bridge.runs.create(other);
    assertThat(publish(1, Optional.of("r"))).isInstanceOf(WeightsOutcome.Applied.class);

    assertThat(publish(2, Optional.of("other")))
        .isEqualTo(new WeightsOutcome.Refused("run r owns the policy's weights"));
    assertThat(publish(2, Optional.empty()))
        .isEqualTo(new WeightsOutcome.Refused("run r owns the policy's weights"));
    assertThat(publish(2, Optional.of("nobody")))
        .isEqualTo(new WeightsOutcome.Refused("there is no run nobody"));

    owner.end();
    assertThat(publish(2, Optional.of("other"))).isInstanceOf(WeightsOutcome.Applied.class);
  }

  @Test
  void overHttpTheEpochIsNeededOnceATrainerCame() throws Exception {
    Run run = bridge.run("");
    FeedSession session = run.feed(new RecordingSocket());
    session.onText("{\"type\":\"hello\",\"run\":\"r\",\"role\":\"train\",\"consumer\":\"t\"}");

    assertThat(publish(1, Optional.of("r")))
        .isEqualTo(new WeightsOutcome.Refused("epoch (none) is not the run's, which is 1"));
    assertThat(bridge.publish("base", 1, Optional.of("r"), OptionalLong.of(1)))
        .isInstanceOf(WeightsOutcome.Applied.class);
  }

  @Test
  void aFolderOutsideTheRootsIsRefusedEvenThroughALink() throws Exception {
    Published outside = Bridge.published(elsewhere, "base", 1, 1);
    Path link = Files.createSymbolicLink(directory.resolve("link"), outside.folder());

    for (Path folder : List.of(outside.folder(), link))
      assertThat(apply(new Published(outside.id(), folder)))
          .isEqualTo(
              new WeightsOutcome.Refused(
                  "no configured root holds the weights in %s: start the server with --weight-root"
                      .formatted(folder)));
    assertThat(bridge.policy.updates()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          longer      | the size of model.safetensors is not
          other       | the sha256 of model.safetensors is not
          missing     | model.safetensors is not a file in
          link        | model.safetensors is not a file in
          unlisted    | the manifest does not list more.safetensors
          manifest    | the manifest's sha256 is not
          nothing     | there is no manifest.json in
          """)
  void aFolderThatIsNotAsItsManifestSaysIsRefused(String damage, String why) throws Exception {
    Published published = Bridge.published(directory, "base", 1, 1);
    Path model = published.folder().resolve("model.safetensors");
    Path manifest = published.folder().resolve("manifest.json");
    switch (damage) {
      case "longer" -> Files.write(model, new byte[1000]);
      case "other" -> Safetensors.write(model, 2);
      case "missing" -> Files.delete(model);
      case "link" -> {
        Path target = Files.move(model, directory.resolve("target"));
        Files.createSymbolicLink(model, target);
      }
      case "unlisted" -> Files.copy(model, model.resolveSibling("more.safetensors"));
      case "manifest" -> Files.writeString(manifest, Files.readString(manifest) + "\n");
      case "nothing" -> Files.delete(manifest);
      default -> throw new AssertionError(damage);
    }

    assertThat(apply(published))
        .isInstanceOfSatisfying(
            WeightsOutcome.Refused.class, refused -> assertThat(refused.why()).startsWith(why));
    assertThat(bridge.policy.updates()).isEmpty();
  }

  @Test
  void aFolderHoldsAManifestOfItsTensorsAndTheLastTwoAreKept() throws Exception {
    for (int version = 1; version <= 4; version++)
      Bridge.published(directory, "base", version, version);
    Files.createDirectories(directory.resolve("weights/base/v5.tmp"));
    Bridge.published(directory, "base", 5, 5);

    assertThat(directory.resolve("weights/base").toFile().list())
        .containsExactlyInAnyOrder("v4", "v5");
    assertThat(
            JsonText.parse(Files.readString(directory.resolve("weights/base/v5/manifest.json")))
                .path("tensors"))
        .hasToString("{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "uri":"weights"                   | uri is not absolute: weights
          "uri":"http://x/y"                | uri is not absolute: http://x/y
          "uri":"file://host/y"             | uri is not a path or file URI: file://host/y
          "version":-1                      | version < 0: -1
          "version":3000000000              | version is not a 32-bit integer: 3000000000
          "lineage":"a/b"                   | a/b
          "pause":"never"                   | pause is not one of keep, wait, abort: "never"
          """)
  void whatIsWrongWithARequestIsNamed(String field, String sentence) {
    var body = JsonText.object();
    body.put("lineage", "base").put("version", 1).put("uri", "/w");
    body.put("manifest_sha256", "0".repeat(64));
    String name = field.substring(1, field.indexOf('"', 1));
    body.set(name, JsonText.parse("{" + field + "}").get(name));

    assertThatThrownBy(() -> WeightsRequest.parse(body))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(sentence);
  }

  private WeightsOutcome apply(Published published) {
    return bridge.runs.apply(
        new WeightsRequest(
            Optional.empty(),
            OptionalLong.empty(),
            published.id(),
            published.folder(),
            Optional.empty(),
            Optional.empty()));
  }

  private WeightsOutcome publish(int version, Optional<String> run) throws IOException {
    return bridge.publish("base", version, run, OptionalLong.empty());
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.toList();
    }
  }
}
