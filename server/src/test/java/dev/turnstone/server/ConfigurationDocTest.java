package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// docs/CONFIGURATION.md, held against what the server reads.
class ConfigurationDocTest {
  private static final YAMLMapper YAML = new YAMLMapper();
  private static final Path SOURCES = Path.of("src/main/java/dev/turnstone/server");

  private static List<ObjectNode> blocks() throws IOException {
    String doc = Files.readString(Path.of("..", "docs", "CONFIGURATION.md"));
    return Pattern.compile("```yaml\n(.*?)```", Pattern.DOTALL)
        .matcher(doc)
        .results()
        .map(block -> tree(block.group(1)))
        .toList();
  }

  private static ObjectNode tree(String yaml) {
    try {
      return (ObjectNode) YAML.readTree(yaml);
    } catch (IOException e) {
      throw new AssertionError(yaml, e);
    }
  }

  @Test
  void theFileOfAllDefaultsIsTheFileThatSaysNothing() throws IOException {
    assertThat(Config.of(blocks().getFirst())).isEqualTo(Config.of(tree("model: tiny")));
  }

  @Test
  void theDefaultsOfEnginesElsewhereAreThose() throws IOException {
    ObjectNode said =
        tree("policy: {tokenizer: tiny, engines: [{kind: vllm, url: 'http://engine:8000'}]}");

    assertThat(Config.of(blocks().getLast()).policy()).isEqualTo(Config.of(said).policy());
  }

  @Test
  void keysAreReadAsWritten() throws IOException {
    assertThat(Config.of(blocks().get(1)).apiKeys()).hasSize(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"Config.java", "PolicySettings.java"})
  void everySettingThatIsReadIsWrittenThere(String source) throws IOException {
    var read = new TreeSet<String>();
    Pattern.compile("given[.]\\w+\\(\\s*\"(\\w+)\"|named\\(given, \"(\\w+)\"")
        .matcher(Files.readString(SOURCES.resolve(source)))
        .results()
        .map(found -> found.group(1) == null ? found.group(2) : found.group(1))
        .forEach(read::add);
    var written = new TreeSet<String>();
    for (ObjectNode block : blocks()) names(block, written);

    assertThat(read).isNotEmpty().isSubsetOf(written);
  }

  private static void names(JsonNode node, Set<String> into) {
    node.properties().forEach(property -> into.add(property.getKey()));
    node.forEach(child -> names(child, into));
  }

  @ParameterizedTest
  @ValueSource(strings = {"true", "yes", "'yes'", "True"})
  void aFlagMayBeSaidInEveryWayOfYaml(String value) {
    assertThat(
            Config.of(tree("{model: tiny, engine: {deterministic: %s}}".formatted(value))).engine())
        .matches(engine -> engine.deterministic());
  }
}
