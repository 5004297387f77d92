package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

final class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --nonsense                             | Unknown option: '--nonsense'
          frobnicate                             | 'frobnicate'
          serve --prot 9                         | --prot
          serve --port nine                      | 'nine'
          serve --port                           | --port
          serve --data target/no-model           | say which policy to serve
          serve --model x --port 70000           | port must be an integer from 0 to 65535
          serve --model x --host 0.0.0.0 --data target/no-model | set TURNSTONE_API_KEY
          serve --model x --config /no/such/file | configuration file /no/such/file cannot be read
          serve --model /no/such/folder --port 0 --data target/no-model | /no/such/folder
          """)
  void badInputIsOneSentenceAndExitCode2(String line, String sentence) {
    assertThat(run(line.split(" "))).isEqualTo(2);
    assertThat(err.toString()).contains(sentence).doesNotContain("Exception").hasLineCount(1);
    assertThat(out.toString()).isEmpty();
  }

  /// The names of every command and subcommand, such as `log list`.
  static Stream<String> commands() {
    return commands("", Main.commandLine());
  }

  private static Stream<String> commands(String above, CommandLine line) {
    return line.getSubcommands().entrySet().stream()
        .flatMap(sub -> {
          String name = (above + " " + sub.getKey()).strip();
          return Stream.concat(Stream.of(name), commands(name, sub.getValue()));
        });
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandHasHelp(String command) {
    assertThat(run((command + " --help").split(" "))).isZero();
    assertThat(out.toString()).contains("Usage: turnstone " + command);
  }

  @Test
  void theCommandLineItselfHasHelpAndAVersion() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("serve");
    assertThat(run("serve", "--help")).isZero();
    assertThat(out.toString()).contains("--model").contains("--config");
    assertThat(run("--version")).isZero();
    assertThat(out.toString()).contains("turnstone 0");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          modle: tiny                          | unknown setting modle: did you mean model?
          prot: 8000                           | unknown setting prot: did you mean port?
          port: "80"                           | port must be an integer from 0 to 65535, but is "80"
          host: [a]                            | host must be text, but is ["a"]
          drain_s: -1                          | drain_s must be a number of seconds above 0, but is -1
          api_keys: [{key: k, scope: root}]    | api_keys.scope must be agent, run or admin, but is root
          api_keys: [{kye: k}]                 | unknown setting api_keys.kye: did you mean api_keys.key?
          api_keys: [{scope: run}]             | api_keys has an entry without a key
          engine: true                         | engine must hold names and values
          tool_addresses: 127.0.0.1            | tool_addresses must be a list, but is "127.0.0.1"
          {port: 1, port: 2}                   | is not YAML: Duplicate field 'port'
          just text                            | must hold names and values
          'a: b: c: ['                         | is not YAML
          """)
  void aBadConfigurationIsOneSentence(String yaml, String sentence, @TempDir Path folder)
      throws Exception {
    Path file = Files.writeString(folder.resolve("turnstone.yaml"), yaml.replace("'", ""));
    assertThat(run("serve", "--model", "tiny", "--config", file.toString())).isEqualTo(2);
    assertThat(err.toString()).contains(sentence).hasLineCount(1);
  }
}
