package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.turnstone.server.TestServer.Answer;
import dev.turnstone.server.http.Contract;
import java.nio.file.Path;
import java.util.Locale;
import okhttp3.RequestBody;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

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
