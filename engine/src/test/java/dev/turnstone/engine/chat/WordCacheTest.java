package dev.turnstone.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WordCacheTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String QWEN =
      """
      {"type":"Sequence","pretokenizers":[{"type":"Split","behavior":"Isolated","invert":false,
      "pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"}},
      {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}\
      """;

  /// What a text is made of: everything at which pre-tokenizers cut, and some of what they do not.
  private static final String[] PARTS = {
    "the",
    "Call",
    " of",
    "x",
    "'s",
    "'LL",
    "'ve",
    "'",
    "7",
    "404",
    "2026",
    " ",
    "  ",
    "    ",
    "\t",
    "\n",
    "\r\n",
    " \n ",
    "\u000b",
    "\f",
    "\u001c",
    "\u0000",
    "\u007f",
    "...",
    "!=",
    "\"",
    "_",
    "<",
    "<|im_end|>",
    "<|im_start|>",
    "<|im_",
    "<tool_call>",
    "</tool_call",
    "</tool_response>",
    "é",
    " ",
    "\u2028",
    "日本",
    "١",
    "ſ"
  };

  @TempDir Path folder;

  private Tokenizer tokenizer(String pretokenizer) throws IOException, ModelException {
    ObjectNode json = (ObjectNode) JSON.readTree(Golden.TINY.resolve("tokenizer.json").toFile());
    json.set("pre_tokenizer", JSON.readTree(pretokenizer));
    JSON.writeValue(folder.resolve("tokenizer.json").toFile(), json);
    return Tokenizer.load(folder);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        QWEN,
        "LLAMA",
        "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}",
        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true},"
            + "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}]}",
        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":false},"
            + "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}]}"
      })
  void wordsThatAreKeptAreTheIdsOfTheLibrary(String named) throws IOException, ModelException {
    String pretokenizer =
        named.equals("LLAMA") ? QWEN.replace("\\\\p{N}| ?", "\\\\p{N}{1,3}| ?") : named;
    Random random = new Random(1);
    try (Tokenizer tokenizer = tokenizer(pretokenizer)) {
      assertThat(WordCache.of(file())).isPresent();
      for (int i = 0; i < 4000; i++) {
        StringBuilder text = new StringBuilder();
        for (int k = random.nextInt(12); k >= 0; k--)
          text.append(PARTS[random.nextInt(i % 4 == 0 ? PARTS.length : PARTS.length - 6)]);
        // No post-processor adds anything, so both ask for the same; only one goes by words.
        assertThat(tokenizer.encode(text.toString(), false))
            .as("%s", text)
            .isEqualTo(tokenizer.encode(text.toString(), true));
      }
    }
  }

  @Test
  void everyPairOfAsciiLettersIsCutAsTheLibraryDoes() throws IOException, ModelException {
    try (Tokenizer tokenizer = tokenizer(QWEN)) {
      for (char first = 0; first < 0x80; first++)
        for (char second = 0; second < 0x80; second++) {
          String text = "a" + first + second + "b";
          assertThat(tokenizer.encode(text, false))
              .as(text)
              .isEqualTo(tokenizer.encode(text, true));
        }
    }
  }

  private JsonNode file() throws IOException {
    return JSON.readTree(Files.readString(folder.resolve("tokenizer.json")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/normalizer|{\"type\":\"Lowercase\"}",
        "/model/dropout|0.1",
        "/added_tokens/1/lstrip|true",
        "/added_tokens/1/single_word|true",
        "/added_tokens/1/normalized|true",
        "/pre_tokenizer/pretokenizers/0/pattern/Regex|\"\\\\p{L}+\"",
        "/pre_tokenizer/pretokenizers/0/behavior|\"Removed\"",
        "/pre_tokenizer/pretokenizers/0/invert|true",
        "/pre_tokenizer/pretokenizers/1/add_prefix_space|true",
        "/pre_tokenizer|{\"type\":\"Metaspace\"}",
        "/pre_tokenizer|null"
      })
  void whatATokenizerDoesThatIsNotKnownHereIsLeftToTheLibrary(String change) throws IOException {
    ObjectNode json = (ObjectNode) JSON.readTree(Golden.TINY.resolve("tokenizer.json").toFile());
    assertThat(WordCache.of(json)).isPresent();
    int bar = change.indexOf('|');
    int slash = change.lastIndexOf('/', bar);
    ((ObjectNode) json.at(change.substring(0, slash)))
        .set(change.substring(slash + 1, bar), JSON.readTree(change.substring(bar + 1)));
    assertThat(WordCache.of(json)).isEqualTo(Optional.empty());
  }
}
