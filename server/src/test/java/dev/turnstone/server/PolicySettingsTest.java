package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.upstream.EngineSpec;
import dev.turnstone.upstream.EngineSpec.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PolicySettingsTest {
  private static final YAMLMapper YAML = new YAMLMapper();

  private static Config config(String yaml) throws IOException {
    return Config.of((ObjectNode) YAML.readTree(yaml));
  }

  @Test
  void theClustersConfigurationInTheManifestsIsOne() throws IOException {
    Path manifests = Path.of("..", "docs", "kubernetes", "turnstone.yaml");
    JsonNode map = YAML.readTree(Files.readString(manifests));
    String yaml = map.path("data").path("turnstone.yaml").asText();

    // A variable that is set everywhere stands for the key that a cluster would have.
    PolicySettings policy = config(yaml.replace("ENGINE_API_KEY", "PATH")).policy().orElseThrow();

    assertThat(policy.engines().engines()).hasSize(1).allMatch(EngineSpec::dns);
  }

  @Test
  void thePolicyMayBeEngines() throws IOException {
    PolicySettings policy =
        config(
                """
                policy:
                  tokenizer: tiny
                  routing: round_robin
                  engines:
                    - {kind: vllm, url: "http://a:8000", api_key: secret}
                    - {kind: sglang, url: "http://b:30000", dns: true, weights: lora}
                """)
            .policy()
            .orElseThrow();

    EngineSpec first = policy.engines().engines().getFirst();
    assertThat(first.kind()).isEqualTo(Kind.VLLM);
    assertThat(first.key()).contains("secret");
    assertThat(policy.engines().engines().getLast().dns()).isTrue();
    assertThat(policy.tokenizer()).isEqualTo("tiny");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{policy: {engines: [], tokenizer: t}} | policy.engines is empty",
        "{policy: {engines: [{kind: vllm, url: 'http://a'}]}} | --tokenizer",
        "{policy: {engines: [{kind: tgi, url: 'http://a'}], tokenizer: t}} | vllm or sglang, but is tgi",
        "{policy: {engines: [{kind: vllm, url: 'a:1'}], tokenizer: t}} | http or https, but is a:1",
        "{policy: {engines: [{kind: vllm, url: 'http://u:p@a'}], tokenizer: t}} | without user or query",
        "{policy: {engines: [{kind: vllm, url: 'http://a', api_key: 'sec ret'}], tokenizer: t}} | http://a has characters that no header takes",
        "{policy: {engines: [{kind: vllm, url: 'http://a', urll: 1}], tokenizer: t}} | policy.engines.urll",
        "{policy: {engines: [{kind: vllm, url: 'http://a', api_key_variable: NO_SUCH}], tokenizer: t}} | NO_SUCH",
        "{model: tiny, policy: {engines: [{kind: vllm, url: 'http://a'}], tokenizer: t}} | exclude each other"
      })
  void whatCannotBeIsOneSentence(String yaml, String sentence) {
    assertThatThrownBy(() -> config(yaml))
        .isInstanceOf(StartupError.class)
        .hasMessageContaining(sentence);
  }

  @Test
  void noSentenceShowsASecret() throws IOException {
    assertThatThrownBy(() ->
            config("{policy: {engines: [{kind: vllm, url: 'http://u:hidden@a'}], tokenizer: t}}"))
        .hasMessageContaining("host a")
        .hasMessageNotContaining("hidden");
    assertThatThrownBy(() ->
            config(
                "{policy: {engines: [{kind: vllm, url: 'http://a', api_key: 'hid den'}], tokenizer: t}}"))
        .hasMessageNotContaining("hid den");
    assertThat(
            config(
                    "{policy: {engines: [{kind: vllm, url: 'http://a', api_key: hidden}], tokenizer: t}}")
                .policy()
                .orElseThrow()
                .toString())
        .doesNotContain("hidden");
  }

  @Test
  void theKubernetesManifestsConfigurationIsOne() throws IOException {
    Path manifest = Path.of("..", "docs", "kubernetes", "turnstone.yaml");
    String first = Files.readString(manifest).split("\n---\n", 2)[0];
    JsonNode map = YAML.readTree(first);
    String yaml =
        map.path("data")
            .path("turnstone.yaml")
            .textValue()
            .replace("api_key_variable: ENGINE_API_KEY", "api_key: secret");

    Config config = config(yaml);

    assertThat(config.policy().orElseThrow().engines().engines().getFirst().dns()).isTrue();
    assertThat(config.host()).isEqualTo("0.0.0.0");
  }
}
