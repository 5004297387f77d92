package dev.turnstone.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.engine.ModelException;
import dev.turnstone.rollout.Tokens;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
  private static final Path KINDS = Path.of("src/test/resources/chat");
  private static final Path FALLBACK = KINDS.resolve("fallback");

  @ParameterizedTest
  @ValueSource(strings = {"tiny", "fallback", "metaspace", "gemma", "bytelevel"})
  void encodesAndDecodesAsHuggingFaceDoes(String name) throws IOException, ModelException {
    try (Tokenizer tokenizer =
        Tokenizer.load(name.equals("tiny") ? Golden.TINY : KINDS.resolve(name))) {
      for (JsonNode golden : Golden.read("tokenizer-cases.json").path(name)) {
        Tokens ids = ids(golden);
        if (golden.has("text"))
          assertThat(tokenizer.encode(golden.path("text").textValue())).isEqualTo(ids);
        assertThat(tokenizer.decode(ids, false)).isEqualTo(golden.path("kept").textValue());
        assertThat(tokenizer.decode(ids, true)).isEqualTo(golden.path("skipped").textValue());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny", "fallback", "metaspace", "gemma", "bytelevel"})
  void textThatArrivesTokenByTokenIsTheSameText(String name) throws IOException, ModelException {
    try (Tokenizer tokenizer =
        Tokenizer.load(name.equals("tiny") ? Golden.TINY : KINDS.resolve(name))) {
      for (JsonNode golden : Golden.read("tokenizer-cases.json").path(name)) {
        Tokens ids = ids(golden);
        IncrementalText text = new IncrementalText(tokenizer);
        StringBuilder joined = new StringBuilder();
        for (int i = 0; i < ids.size(); i++) {
          String piece = text.feed(ids.get(i));
          assertThat(piece).doesNotMatch("(?s).*[\\x{D800}-\\x{DBFF}]");
          joined.append(piece);
        }
        assertThat(joined.append(text.finish()).toString())
            .isEqualTo(golden.path("kept").textValue());
      }
    }
  }

  private static Tokens ids(JsonNode golden) {
    return Tokens.of(
        StreamSupport.stream(golden.path("ids").spliterator(), false)
            .mapToInt(JsonNode::intValue)
            .toArray());
  }

  @Test
  void theBytesOfTheTokensAreTheBytesOfTheText() throws ModelException {
    String text = "Zürich 🙂 <|im_end|>\n日本語\u0000\u007f";
    try (Tokenizer tokenizer = Golden.tokenizer()) {
      assertThat(bytes(tokenizer, tokenizer.encode(text)))
          .isEqualTo(text.getBytes(StandardCharsets.UTF_8));
    }
    try (Tokenizer tokenizer = Tokenizer.load(FALLBACK)) {
      // The normalizer of such tokenizers puts a space before the text.
      assertThat(bytes(tokenizer, tokenizer.encode("the 🙂")))
          .isEqualTo(" the 🙂".getBytes(StandardCharsets.UTF_8));
    }
  }

  private static byte[] bytes(Tokenizer tokenizer, Tokens ids) {
    var joined = new java.io.ByteArrayOutputStream();
    for (int i = 0; i < ids.size(); i++) joined.writeBytes(tokenizer.bytes(ids.get(i)));
    return joined.toByteArray();
  }

  @Test
  void knowsItsTokensByName() throws ModelException {
    try (Tokenizer tokenizer = Golden.tokenizer()) {
      assertThat(tokenizer.vocabularySize()).isEqualTo(512);
      assertThat(tokenizer.id("<|im_end|>")).hasValue(507);
      assertThat(tokenizer.added("<tool_call>")).hasValue(508);
      assertThat(tokenizer.id("7")).isPresent();
      assertThat(tokenizer.added("7")).isEmpty();
      assertThat(tokenizer.isSpecial(507)).isTrue();
      assertThat(tokenizer.isSpecial(508)).isFalse();
      assertThat(tokenizer.bytes(9999)).isEmpty();
      assertThat(tokenizer.bytes(-1)).isEmpty();
      assertThat(tokenizer.sha256()).matches("[0-9a-f]{64}");
    }
  }

  @Test
  void digitsAreSingleTokens() throws ModelException {
    try (Tokenizer tokenizer = Golden.tokenizer()) {
      for (int id = 0; id < 512; id++) {
        String text = tokenizer.decode(Tokens.of(id), false);
        assertThat(text.chars().anyMatch(Character::isDigit) && text.length() > 1)
            .as(text)
            .isFalse();
      }
    }
  }

  @Test
  void incrementalTextNeverSplitsACharacterAndJoinsToTheWhole() throws ModelException {
    Random random = new Random(7);
    try (Tokenizer tokenizer = Golden.tokenizer()) {
      for (int round = 0; round < 300; round++) {
        Tokens ids =
            round % 2 == 0
                ? Tokens.of(random.ints(20, 0, 520).toArray())
                : tokenizer.encode(
                    random
                        .ints(9, 0x20, 0x1F700)
                        .filter(Character::isDefined)
                        .filter(c -> !Character.isSurrogate((char) c) || c > 0xffff)
                        .collect(
                            StringBuilder::new,
                            StringBuilder::appendCodePoint,
                            StringBuilder::append)
                        .toString());
        IncrementalText text = new IncrementalText(tokenizer);
        StringBuilder joined = new StringBuilder();
        for (int i = 0; i < ids.size(); i++) {
          String piece = text.feed(ids.get(i));
          if (!piece.isEmpty()) {
            assertThat(Character.isHighSurrogate(piece.charAt(piece.length() - 1))).isFalse();
            assertThat(Character.isLowSurrogate(piece.charAt(0))).isFalse();
          }
          joined.append(piece);
        }
        joined.append(text.finish());
        assertThat(joined.toString())
            .isEqualTo(new String(bytes(tokenizer, ids), StandardCharsets.UTF_8));
      }
    }
  }

  @Test
  void aCutCharacterBecomesAReplacement() throws ModelException {
    try (Tokenizer tokenizer = Golden.tokenizer()) {
      Tokens ids = tokenizer.encode("🙂");
      assertThat(ids.size()).isGreaterThan(1);
      IncrementalText text = new IncrementalText(tokenizer);
      assertThat(text.feed(ids.get(0))).isEmpty();
      assertThat(text.finish()).isEqualTo("\ufffd");
    }
  }

  @Test
  void manyThreadsEncodeWithOneTokenizer()
      throws ModelException, InterruptedException, ExecutionException {
    try (Tokenizer tokenizer = Golden.tokenizer();
        var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      Tokens expected = tokenizer.encode("What is 482 * 917?");
      List<Future<Tokens>> encoded = new ArrayList<>();
      for (int i = 0; i < 500; i++)
        encoded.add(executor.submit(() -> tokenizer.encode("What is 482 * 917?")));
      for (Future<Tokens> one : encoded) assertThat(one.get()).isEqualTo(expected);
    }
  }

  @Test
  void aClosedTokenizerRefuses() throws ModelException {
    Tokenizer tokenizer = Golden.tokenizer();
    tokenizer.close();
    tokenizer.close();
    assertThatThrownBy(() -> tokenizer.encode("x")).hasMessage("the tokenizer is closed");
  }

  @Test
  void whatIsNoTokenizerIsRefusedInOneSentence(@TempDir Path folder) throws IOException {
    assertThatThrownBy(() -> Tokenizer.load(folder)).hasMessage("no tokenizer.json in " + folder);
    Path file = folder.resolve("tokenizer.json");
    for (String content :
        List.of(
            "",
            "{}",
            "[",
            "{\"model\": {\"vocab\": {\"a\": 0}}}",
            "{\"model\": {\"vocab\": {\"a\": 0}}, \"decoder\": {\"type\": \"ByteLevel\"}}")) {
      Files.writeString(file, content);
      assertThatThrownBy(() -> Tokenizer.load(folder))
          .isInstanceOf(ModelException.class)
          .hasMessageStartingWith(file + " is not a tokenizer: ");
    }
  }
}
