package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.turnstone.server.TestServer.Answer;
import dev.turnstone.server.http.Contract;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import okhttp3.RequestBody;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
final class ContractTest {
  @Test
  void everyOperationOfTheContractIsServed(@TempDir Path data) throws Exception {
    JsonNode contract = new YAMLMapper().readTree(Contract.load().document());
    try (TestServer server = TestServer.start(data)) {
      for (var path : contract.get("paths").properties())
        for (String method : new String[] {"get", "post", "delete"})
          if (path.getValue().has(method)) {
            String url = path.getKey().replaceAll("\\{[a-z]+}", "0");
            Answer answer = send(server, method, url);
            String what = method + " " + path.getKey() + ": " + answer.text();
            assertThat(answer.status()).as(what).isNotIn(405, 500);
            assertThat(answer.text()).as(what).doesNotContain("unknown_path");
          }
    }
  }

  private static Answer send(TestServer server, String method, String url) {
    RequestBody body = method.equals("post") ? RequestBody.create(new byte[0]) : null;
    return TestServer.send(server.to(url).method(method.toUpperCase(Locale.ROOT), body).build());
  }

  /// In `{ description: a, b }` YAML takes `b` for a key without a value.
  @ParameterizedTest
  @ValueSource(strings = {"turnstone", "sandbox", "feed"})
  void noCommaCutsADescriptionShort(String contract) throws Exception {
    JsonNode root =
        new YAMLMapper()
            .readTree(
                Files.readString(
                    Path.of("..", "openapi", "src", "main", "resources", contract + ".yaml")));
    assertThat(keysWithoutValue(root)).isEmpty();
  }

  private static List<String> keysWithoutValue(JsonNode node) {
    List<String> keys = new ArrayList<>();
    for (var property : node.properties())
      if (property.getValue().isNull()) keys.add(property.getKey());
    for (JsonNode child : node) keys.addAll(keysWithoutValue(child));
    return keys;
  }

  @Test
  void everyReferenceOfTheContractLeadsSomewhere() throws Exception {
    JsonNode contract = new YAMLMapper().readTree(Contract.load().document());
    assertThat(contract.findValues("$ref")).isNotEmpty();
    for (JsonNode reference : contract.findValues("$ref"))
      assertThat(contract.at(reference.asText().substring(1)).isMissingNode())
          .as(reference.asText())
          .isFalse();
  }
}
