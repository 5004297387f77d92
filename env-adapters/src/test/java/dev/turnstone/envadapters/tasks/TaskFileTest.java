package dev.turnstone.envadapters.tasks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TaskFileTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void linesBecomeTasksByTheMapping() throws IOException {
    Path file =
        lines(
            "gsm 8k.jsonl",
            "{'q':'2+2?','extra':{'answer':4},'n':1}",
            "",
            "{'q':'3?','extra':{'answer':3}}");

    Read read =
        read(
            file,
            new TaskMapping(
                "q", Optional.of("Be brief."), Optional.empty(), Map.of("answer", "extra.answer")));

    assertThat(read.bad).isEmpty();
    assertThat(read.tasks).extracting(TaskRow::name).containsExactly("gsm-8k-1", "gsm-8k-3");
    assertThat(read.tasks.getFirst().toGroup().toString())
        .isEqualTo(
            "{\"group\":\"gsm-8k-1\",\"task\":{\"messages\":[{\"role\":\"system\",\"content\":\"Be"
                + " brief.\"},{\"role\":\"user\",\"content\":\"2+2?\"}],\"data\":{\"answer\":4}}}");
  }

  @Test
  void aBadRowIsReportedWithItsLineAndTheOthersAreRead() throws IOException {
    Path file =
        lines(
            "t.jsonl",
            "{'q':'1?'}",
            "nope",
            "[]",
            "{'question':'2?','answer':2}",
            "{'q':7}",
            "{'q':[{'role':'wizard','content':'x'}]}",
            "{'q':'3?'}");
    Files.write(file, new byte[] {'"', (byte) 0xff, '"', '\n'}, StandardOpenOption.APPEND);

    Read read = read(file, TASKS);

    assertThat(read.tasks).hasSize(2);
    assertThat(read.bad)
        .extracting(row -> row.toString().replace(folder + "/", ""))
        .containsExactly(
            "t.jsonl:2: it is not JSON: Unrecognized token 'nope': was expecting (JSON String, Number,"
                + " Array, Object or token 'null', 'true' or 'false')",
            "t.jsonl:3: it is no JSON object",
            "t.jsonl:4: q is missing; there are question, answer",
            "t.jsonl:5: q must be a text or a list of messages, was 7",
            "t.jsonl:6: q has no role and content: {\"role\":\"wizard\",\"content\":\"x\"}",
            "t.jsonl:8: it is not UTF-8");
  }

  @Test
  void aReaderThatHasEnoughEndsIt() throws IOException {
    Path file = lines("t.jsonl", "{'q':'1?'}", "{'q':'2?'}", "{'q':'3?'}");
    List<TaskRow> tasks = new ArrayList<>();
    new TaskFile(file)
        .read(
            TASKS,
            new TaskFile.Reader() {
              @Override
              public boolean task(TaskRow task) {
                tasks.add(task);
                return tasks.size() < 2;
              }

              @Override
              public boolean bad(TaskFile.BadRow row) {
                return false;
              }
            });
    assertThat(tasks).hasSize(2);
  }

  @Test
  void aRowMayNameItsGroup() throws IOException {
    Path file = lines("t.jsonl", "{'q':'1?','id':'a-1'}", "{'q':'2?','id':'a b'}");

    Read read = read(file, new TaskMapping("q", Optional.empty(), Optional.of("id"), Map.of()));

    assertThat(read.tasks).extracting(TaskRow::name).containsExactly("a-1");
    assertThat(read.bad)
        .extracting(TaskFile.BadRow::why)
        .containsExactly("id names no group, was \"a b\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"snappy", "zstd", "none"})
  void parquetIsReadWithItsNestedFields(String codec) throws Exception {
    Path file = Path.of(TaskFileTest.class.getResource("%s.parquet".formatted(codec)).toURI());

    Read read = read(file, new TaskMapping("prompt", Optional.empty(), Optional.empty(), Map.of()));

    assertThat(read.tasks).extracting(TaskRow::name).containsExactly(codec + "-1", codec + "-2");
    assertThat(read.tasks.get(1).messages().toString())
        .isEqualTo(
            "[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":\"3×3?\"}]");
    JsonNode first = read.tasks.getFirst().data();
    assertThat(first.at("/reward_model/ground_truth").asText()).isEqualTo("4");
    assertThat(first.path("level").asInt()).isEqualTo(1);
    assertThat(first.path("price").decimalValue()).isEqualByComparingTo("1.50");
    assertThat(first.path("tags").toString()).isEqualTo("[\"a\",null]");
    assertThat(first.path("counts").toString()).isEqualTo("{\"x\":1}");
    assertThat(read.tasks.get(1).data().path("level").isNull()).isTrue();
    assertThat(read.bad).extracting(TaskFile.BadRow::number).containsExactly(3L);
  }

  @Test
  void aCodecThatIsNotReadIsNamed() throws Exception {
    Path file = Path.of(TaskFileTest.class.getResource("gzip.parquet").toURI());

    assertThatThrownBy(() -> read(file, TASKS))
        .hasMessage(
            file + " is compressed with GZIP, which is not read: write it with snappy or zstd");
  }

  @Test
  void aFileOfAnotherKindIsOneSentence() throws IOException {
    Path csv = lines("t.csv", "a,b");
    Path broken = lines("t.parquet", "this is no parquet");

    assertThatThrownBy(() -> read(csv, TASKS)).hasMessage(csv + " must end in .jsonl or .parquet");
    assertThatThrownBy(() -> read(broken, TASKS))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith(broken + " is not a Parquet file that can be read: ")
        .hasMessageNotContaining("\n");
  }

  private static final TaskMapping TASKS =
      new TaskMapping("q", Optional.empty(), Optional.empty(), Map.of());

  private Path lines(String name, String... lines) throws IOException {
    return Files.writeString(
        folder.resolve(name), String.join("\n", lines).replace('\'', '"') + "\n");
  }

  private static final class Read implements TaskFile.Reader {
    private final List<TaskRow> tasks = new ArrayList<>();
    private final List<TaskFile.BadRow> bad = new ArrayList<>();

    @Override
    public boolean task(TaskRow task) {
      return tasks.add(task);
    }

    @Override
    public boolean bad(TaskFile.BadRow row) {
      return bad.add(row);
    }
  }

  private static Read read(Path file, TaskMapping mapping) throws IOException {
    Read read = new Read();
    new TaskFile(file).read(mapping, read);
    return read;
  }
}
