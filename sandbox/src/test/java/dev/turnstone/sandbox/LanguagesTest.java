package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Each language whose toolchain is on this machine; the others are said to be missing. In the
/// programs NL is a line's end and BN its escape.
final class LanguagesTest {
  private final RunningSandbox sandbox = RunningSandbox.shared();

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "cpp|#include <iostream>NLint main(){int n;std::cin>>n;std::cout<<n*2<<'BN';}",
        "java|import java.util.*;class Main{public static void main(String[] a){"
            + "System.out.println(new Scanner(System.in).nextInt()*2);}}",
        "nodejs|console.log(Number(require('fs').readFileSync(0,'utf8'))*2)",
        "typescript|declare var require:any;const n:number=Number(require('fs')"
            + ".readFileSync(0,'utf8'));console.log(n*2)",
        "go|package mainNLimport \"fmt\"NLfunc main(){var n int;fmt.Scan(&n);fmt.Println(n*2)}",
        "rust|fn main(){let mut s=String::new();std::io::stdin().read_line(&mut s).unwrap();"
            + "println!(\"{}\",s.trim().parse::<i32>().unwrap()*2);}",
        "perl|print <STDIN>*2, \"BN\"",
        "ruby|puts gets.to_i*2",
        "lua|print(io.read('n')*2)",
        "php|<?php echo intval(fgets(STDIN))*2,\"BN\";",
        "R|cat(as.integer(readLines('stdin'))*2, 'BN', sep='')"
      })
  void aProgramCompilesAndRuns(String language, String code) {
    ObjectNode request =
        RunningSandbox.request(language, code.replace("NL", "\n").replace("BN", "\\n"))
            .put("stdin", "21\n");
    request.put("compile_timeout", 120).put("run_timeout", 30);
    if (language.equals("go")) awaitGo(request);

    JsonNode response = sandbox.run(request);

    if (isHere(language)) {
      assertThat(response.at("/run_result/stdout").asText())
          .as(response.toString())
          .isEqualTo("42\n");
      assertThat(response.get("status").asText()).isEqualTo("Success");
    } else {
      assertThat(response.get("status").asText()).isEqualTo("SandboxError");
      assertThat(response.get("message").asText())
          .startsWith(language + " is not installed on this sandbox's machine");
    }
    sandbox.assertNothingIsLeft();
  }

  @Test
  void aSecondGoProgramFindsTheStandardLibraryCompiled() {
    Assumptions.assumeTrue(isHere("go"));
    ObjectNode request =
        RunningSandbox.request(
            "go", "package main\nimport \"fmt\"\nfunc main(){fmt.Println(\"again\")}");
    awaitGo(request);

    JsonNode response = sandbox.run(request.put("compile_timeout", 10));

    assertThat(response.at("/run_result/stdout").asText())
        .as(response.toString())
        .isEqualTo("again\n");
    assertThat(response.at("/compile_result/execution_time").asDouble()).isLessThan(5);
    sandbox.assertNothingIsLeft();
  }

  @ParameterizedTest
  @ValueSource(strings = {"csharp", "kotlin_script", "lean", "sql", "pytest"})
  void aLanguageOfSandboxFusionsThatIsNotOursIsSaidToBe(String language) {
    JsonNode response = sandbox.run(RunningSandbox.request(language, "x"));

    assertThat(response.get("status").asText()).isEqualTo("SandboxError");
    assertThat(response.get("message").asText())
        .isEqualTo(
            language + " is not a language of this sandbox; GET /v1/languages lists those it runs");
  }

  /// While its library is being compiled, Go programs are turned away, as clients expect of a busy
  /// sandbox.
  private void awaitGo(ObjectNode request) {
    HttpResponse<String> response = sandbox.post(request.toString());
    while (response.statusCode() == 504) {
      assertThat(response.body()).contains("Go's standard library is being compiled, once");
      response = sandbox.post(request.toString());
    }
  }

  @Test
  void anErrorOfTheCompilerIsItsResult() {
    Assumptions.assumeTrue(isHere("cpp"));

    JsonNode response = sandbox.run(RunningSandbox.request("cpp", "int main() { return x; }"));

    assertThat(response.get("status").asText()).isEqualTo("Failed");
    assertThat(response.at("/compile_result/return_code").asInt()).isEqualTo(1);
    assertThat(response.at("/compile_result/stderr").asText()).contains("was not declared");
    assertThat(response.get("run_result").isNull()).isTrue();
  }

  @Test
  void aCompilerHasATimeout() {
    Assumptions.assumeTrue(isHere("cpp"));
    String code = "#include <regex>\nint main() { std::regex r(\"a\"); }";

    JsonNode response =
        sandbox.run(RunningSandbox.request("cpp", code).put("compile_timeout", 0.1));

    assertThat(response.get("status").asText()).isEqualTo("Failed");
    assertThat(response.at("/compile_result/status").asText()).isEqualTo("TimeLimitExceeded");
    sandbox.assertNothingIsLeft();
  }

  @Test
  void aSegmentationFaultIsItsSignalAndLeavesNoCore() {
    Assumptions.assumeTrue(isHere("cpp"));
    ObjectNode request =
        RunningSandbox.request("cpp", "int f(int x){return f(x+1)+x;} int main(){return f(0);}");
    request.putArray("fetch_files").add("core").add("/tmp/core");

    JsonNode response = sandbox.run(request);

    assertThat(response.at("/run_result/return_code").asInt()).isEqualTo(-11);
    assertThat(response.get("files")).isEmpty();
  }

  @Test
  void memoryLimitsHoldInLanguagesThatReserveAddressSpace() {
    Assumptions.assumeTrue(isHere("nodejs"));
    String bomb = "const x=[];while(true)x.push(Buffer.alloc(1<<20,1))";

    JsonNode response =
        sandbox.run(RunningSandbox.request("nodejs", bomb).put("memory_limit_MB", 200));

    assertThat(response.get("status").asText()).isEqualTo("Failed");
    assertThat(response.at("/run_result/stderr").asText()).contains("memory");
  }

  private boolean isHere(String language) {
    JsonNode languages =
        RunningSandbox.json(
            RunningSandbox.send(
                HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1/languages"))));
    for (JsonNode entry : languages.get("languages"))
      if (entry.get("language").asText().equals(language))
        return entry.get("available").asBoolean();
    throw new AssertionError("no entry for " + language);
  }
}
