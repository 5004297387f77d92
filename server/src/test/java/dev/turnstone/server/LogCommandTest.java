package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.server.export.Export;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.log.RolloutTable;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class LogCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir Path folder;
  private Path log;

  @BeforeEach
  void fill() throws IOException {
    log = folder.resolve("log");
    try (TrajectoryLog written = TrajectoryLog.open(log)) {
      RunSpec spec =
          RunSpec.parse(
              JsonText.parse(
                  """
                  {"run":"r","environment":"none","group_size":2,"max_staleness":0,
                   "groups_per_version":1}\
                  """),
              1024);
      written.runs().insert(spec);
      written
          .groups()
          .insert(
              spec,
              List.of(
                  GroupRequest.parse(
                      JsonText.parse(
                          """
                          {"group":"g","task":{"messages":[{"role":"user","content":"6*7?"}],
                           "data":{"answer":"42"}}}\
                          """))),
              100);
      written.servers().renew(Duration.ofMinutes(1));
      written.admission().admit(spec, 1);
      for (int index = 0; index < 2; index++) {
        Trajectory trajectory = trajectory(index);
        written
            .rollouts()
            .finish(new RolloutTable.Finished(trajectory, RolloutSummary.of(trajectory, "")));
      }
      written
          .groups()
          .settle("r", "g", Settlement.of(spec, written.rollouts().latest("r", "g")), 8);
    }
  }

  @ParameterizedTest
  @EnumSource(Export.Format.class)
  void anExportThatFailsHalfWayLeavesNothingUnderItsName(Export.Format format) throws IOException {
    Files.delete(log.resolve("records-1"));
    Path target = folder.resolve("target");
    PrintWriter said = new PrintWriter(err, true);

    int code =
        Main.run(
            new PrintWriter(out, true),
            said,
            "log",
            "export",
            "--format",
            format.name(),
            "--log",
            log.toString(),
            target.toString());

    assertThat(code).isEqualTo(1);
    assertThat(err.toString())
        .isEqualTo(
            "turnstone log export: the log in %s has no file records-1, which holds the tokens of"
                    .formatted(log)
                + " r/g/0\n");
    assertThat(target).doesNotExist();
  }

  /// Two ids of the prompt, then three that versions 1 and 2 sampled; the first one answers right.
  private static Trajectory trajectory(int index) {
    BitSet mask = new BitSet();
    mask.set(2, 5);
    Row row =
        new Row(
            0,
            Tokens.of(1, 2, 11, 12, 13),
            mask,
            Logprobs.of(0, 0, -0.5f, -1f, -0.25f),
            new RunLength.Builder<Integer>().add(2, -1).add(2, 1).add(1, 2).build(),
            new RunLength.Builder<Integer>().add(2, -1).add(3, 0).build(),
            new RunLength.Builder<Float>().add(2, 0f).add(3, 1f).build(),
            "base",
            Optional.empty(),
            2,
            List.of());
    return new Trajectory(
        new RolloutId("r", "g", index, 0),
        List.of(row),
        Optional.of(Reward.of((double) index)),
        StopReason.ANSWER,
        "",
        List.of(
            new Message.User("6*7?"),
            new Message.Assistant(index == 0 ? "It is 42" : "It is 41", List.of())),
        new Trajectory.Stats(1, 3, 0, 0, Duration.ofMillis(10)));
  }

  private int run(String line) {
    List<String> words = new ArrayList<>(List.of(line.split(" ")));
    words.addFirst("log");
    words.addAll(List.of("--log", log.toString()));
    return Main.run(
        new PrintWriter(out, true), new PrintWriter(err, true), words.toArray(String[]::new));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          list                                        | r   +open +1 +0 +0 +1 +2
          list groups                                 | r/g +complete +1 +1-2 +5 +2
          list trajectories --min-reward 1            | r/g/1 +finished +answer +train +1.000 +1 +5 +1-2
          """)
  void listShowsALineEach(String line, String expected) {
    assertThat(run(line)).isZero();
    assertThat(out.toString()).hasLineCount(2).containsPattern(expected);
  }

  @Test
  void listAsJsonCanBeRead() throws IOException {
    assertThat(run("list trajectories --json")).isZero();
    JsonNode first = Wire.JSON.readTree(out.toString().lines().findFirst().orElseThrow());
    assertThat(first.path("id").asText()).isEqualTo("r/g/0");
    assertThat(first.path("reward").asDouble()).isZero();
    assertThat(first.path("seq").asInt()).isEqualTo(1);
  }

  @Test
  void showIsReadable() {
    assertThat(run("show r/g/1")).isZero();
    assertThat(out.toString())
        .contains("r/g/1: answer, train")
        .contains("reward 1.0")
        .contains("It is 41")
        .contains("row 0: 5 ids, 2 of the prompt, 3 to train, lineage base")
        .containsPattern("4 +13 +1 +-0.2500 +2 +0");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          show nonsense                                   | an id is RUN/GROUP/INDEX or RUN/GROUP/INDEX#ATTEMPT, not nonsense
          show r/g/7                                      | the log has no rollout r/g/7
          show r/g/1#3                                    | the log has no rollout r/g/1#3
          list groups --run other                         | the log has no run other
          list trajectories --stop stopped                | --stop must be one of answer,
          list trajectories --outcome won                 | --outcome must be one of failed, mask, train, but is won
          list apples                                     | 'apples'
          export --format jsonl /no/such/folder/x         | there is no folder for /no/such/folder/x
          export --format csv x                           | 'csv'
          rescore --rewards /no/such/file                 | /no/such/file cannot be read
          """)
  void badInputIsOneSentenceAndExitCode2(String line, String sentence) {
    assertThat(run(line)).isEqualTo(2);
    assertThat(err.toString()).contains(sentence).doesNotContain("Exception").hasLineCount(1);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void aFolderWithoutALogIsNamed() {
    log = folder.resolve("empty");
    assertThat(run("list")).isEqualTo(2);
    assertThat(err.toString()).contains("there is no log in " + log).hasLineCount(1);
  }

  @Test
  void jsonLinesHoldEverything() throws IOException {
    Path file = folder.resolve("out.jsonl");
    assertThat(run("export --format jsonl " + file)).isZero();
    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(2);
    JsonNode line = Wire.JSON.readTree(lines.getLast());
    assertThat(line.path("task").path("data").path("answer").asText()).isEqualTo("42");
    assertThat(line.path("rows").path(0).path("ids")).hasSize(5);
    assertThat(line.path("seq").asInt()).isEqualTo(1);
    assertThat(run("export --format jsonl " + file)).isEqualTo(2);
    assertThat(err.toString()).contains("is there already");
  }

  @Test
  void parquetIsReadAsTasksAre() throws IOException {
    Path target = folder.resolve("dataset");
    assertThat(run("export --format dataset " + target)).isZero();
    assertThat(target.resolve("README.md")).content().contains("data/train-00000-of-00001.parquet");
    Path file = target.resolve("data/train-00000-of-00001.parquet");
    out.getBuffer().setLength(0);
    assertThat(
            Main.run(
                new PrintWriter(out, true),
                new PrintWriter(err, true),
                "tasks",
                file.toString(),
                "--prompt",
                "messages"))
        .isZero();
    JsonNode row = Wire.JSON.readTree(out.toString()).path("task").path("data");
    assertThat(row.path("ids").toString()).isEqualTo("[1,2,11,12,13]");
    assertThat(row.path("mask").toString()).isEqualTo("[0,0,1,1,1]");
    assertThat(row.path("versions").toString()).isEqualTo("[-1,-1,1,1,2]");
    assertThat(row.path("reward").asDouble()).isZero();
  }

  @Test
  void verlsTensorsArePaddedOnBothSides() throws IOException {
    Path target = folder.resolve("verl");
    assertThat(run("export --format verl " + target)).isZero();
    ByteBuffer bytes =
        ByteBuffer.wrap(Files.readAllBytes(target.resolve("batch.safetensors")))
            .order(ByteOrder.LITTLE_ENDIAN);
    byte[] header = new byte[(int) bytes.getLong()];
    bytes.get(header);
    JsonNode scores = Wire.JSON.readTree(header).path("rm_scores");
    assertThat(scores.path("shape").toString()).isEqualTo("[2,3]");
    int at = 8 + header.length + scores.path("data_offsets").path(0).asInt();
    assertThat(bytes.getFloat(at + 4 * 5)).isEqualTo(1);
    assertThat(Files.readAllLines(target.resolve("non_tensor_batch.jsonl"))).hasSize(2);
  }

  @Test
  void rescoringKeepsTheOldRewardBeside() throws IOException {
    Path rewards =
        Files.writeString(
            folder.resolve("strict.yaml"),
            "environment: strict\ntools: []\nrewards: [{kind: numeric}]\n");
    assertThat(run("rescore --rewards " + rewards)).isZero();
    assertThat(out.toString())
        .contains("{\"id\":\"r/g/0\",\"reward\":0.0,\"strict\":1.0}")
        .contains("{\"id\":\"r/g/1\",\"reward\":1.0,\"strict\":0.0}")
        .contains("2 scored as strict, 2 of them differently, 0 failed");
    assertThat(run("show r/g/0 --no-tokens")).isZero();
    assertThat(out.toString()).contains("reward 0.0").contains("scored strict: 1.0");
  }
}
