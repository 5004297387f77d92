package dev.turnstone.trainerbridge.wire;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.trainerbridge.json.JsonText;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// One golden frame of each control message, on which clients in other languages may rely.
public class ControlFramesTest {
  private static final Path CONTRACT = Path.of("../openapi/src/main/resources/feed.yaml");

  static Stream<String> frames() throws IOException {
    try (InputStream in = ControlFramesTest.class.getResourceAsStream("control.jsonl")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("frames")
  void aControlMessageIsTheseCharacters(String frame) {
    assertThat(JsonText.parse(FeedJson.encode(FeedJson.decode(frame))))
        .isEqualTo(JsonText.parse(frame));
  }

  @Test
  void theContractNamesEveryMessageAndOnlyThose() throws IOException {
    String contract = Files.readString(CONTRACT);
    int from = contract.indexOf("\n  messages:\n");
    String messages = contract.substring(from, contract.indexOf("\n  schemas:\n", from));
    List<String> documented =
        Pattern.compile("(?m)^    ([a-z_]+):$")
            .matcher(messages)
            .results()
            .map(match -> match.group(1))
            .filter(name -> !name.equals("group"))
            .toList();

    assertThat(documented)
        .containsExactlyInAnyOrderElementsOf(
            frames().map(frame -> JsonText.parse(frame).path("type").asText()).toList());
  }

  /// Every field of a golden frame stands in its message's part of the contract, or in a schema.
  @ParameterizedTest
  @MethodSource("frames")
  void theContractNamesEveryField(String frame) throws IOException {
    String contract = Files.readString(CONTRACT);
    JsonText.parse(frame)
        .fieldNames()
        .forEachRemaining(name -> {
          Matcher named = Pattern.compile("(?m)^ +" + name + ":").matcher(contract);
          boolean open = frame.startsWith("{\"type\":\"stats\"");
          assertThat(open || named.find()).describedAs(name).isTrue();
        });
  }
}
