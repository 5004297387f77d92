package dev.turnstone.server;

import static dev.turnstone.server.TestServer.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.sun.net.httpserver.HttpServer;
import dev.turnstone.server.TestServer.Answer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/// What an environment's registration may not do over HTTP, and what is told of its secrets:
/// nothing, by routes, dry runs or logs, even if a tool repeats them.
@Timeout(60)
final class EnvironmentSecretsTest {
  /// A variable that every process has stands for a secret.
  private static final String SECRET = System.getenv("PATH");

  private static final String LITERAL = "sk-literal-0123";

  @TempDir private Path folder;
  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
  private final Logger root = (Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME);
  private final Level level = root.getLevel();
  private final List<String> received = new ArrayList<>();
  private final HttpServer parrot = parrot();
  private TestServer server;

  private HttpServer parrot() {
    try {
      HttpServer http =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      http.createContext(
          "/",
          exchange -> {
            String sent = exchange.getRequestHeaders().getFirst("Authorization");
            received.add(sent);
            byte[] body = utf8("{\"you_sent\":\"" + sent + "\"}");
            int status = exchange.getRequestURI().getPath().equals("/broken") ? 500 : 200;
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
          });
      return http;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @BeforeEach
  void start() throws InterruptedException {
    parrot.start();
    logged.start();
    root.addAppender(logged);
    root.setLevel(Level.DEBUG);
    server =
        TestServer.start(folder.resolve("data"), "{\"tool_addresses\":[\"" + address() + "\"]}");
  }

  @AfterEach
  void stop() {
    server.close();
    parrot.stop(0);
    root.setLevel(level);
    root.detachAppender(logged);
  }

  private String address() {
    return "127.0.0.1:" + parrot.getAddress().getPort();
  }

  private String environment(String path, String authorization) {
    return """
    {'environment':'e','tools':[{'kind':'http','name':'t','description':'d',
     'url':'http://%s/%s','headers':{'Authorization':%s}}]}
    """
        .formatted(address(), path, authorization)
        .replace('\'', '"');
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'kind':'mcp','name':'m','command':['/bin/sh','-c','id']} | tools[0].command is taken from the operator's configuration only",
        "{'kind':'mcp','name':'m','url':'http://h','command':['id']} | tools[0].command is taken from the operator's configuration only",
        "{'kind':'mcp','name':'m','command':'id'} | tools[0].command is taken from the operator's configuration only",
        "{'kind':'mcp','name':'m','command':[],'network':true,'read_only':['/etc']} | tools[0].command is taken from the operator's configuration only",
        "{'kind':'mcp','name':'m','url':'http://h','headers':{'A':{'file':'/etc/shadow'}}} | tools[0].headers.A lacks env",
        "{'kind':'mcp','name':'m','url':'http://h','headers':{'A':{'env':'TURNSTONE_API_KEY'}}} | must not be a variable of the server itself",
        "{'kind':'sandbox','name':'p','description':'d','url':'http://h','network':['a b']} | tools[0].network must hold host",
        "{'kind':'sandbox','name':'p','description':'d','url':'http://h','network':'pypi.org'} | tools[0].network must be an array",
      })
  void whatIsTheOperatorsIsNotTakenOverHttp(String tool, String why) {
    Answer answer =
        server.post(
            "/v1/environments",
            "{\"environment\":\"e\",\"tools\":[" + tool.replace('\'', '"') + "]}");

    assertThat(answer.status()).as(answer.text()).isEqualTo(400);
    assertThat(answer.error()).contains(why);
    assertThat(server.get("/v1/environments/e").status()).isEqualTo(404);
  }

  @Test
  void aLiteralSecretIsRefusedAndNotRepeated() {
    Answer answer = server.post("/v1/environments", environment("", "\"" + LITERAL + "\""));

    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.text()).contains("must name an environment variable").doesNotContain(LITERAL);
    assertThat(logs()).doesNotContain(LITERAL);
  }

  @Test
  void routesAndLogsShowTheNameOfASecretOnly() {
    Answer made =
        server.post("/v1/environments", environment("", "{'env':'PATH','prefix':'Bearer '}"));

    assertThat(made.status()).as(made.text()).isEqualTo(201);
    for (String path : List.of("/v1/environments", "/v1/environments/e"))
      assertThat(server.get(path).text())
          .contains("{\"env\":\"PATH\",\"prefix\":\"Bearer \"}")
          .doesNotContain(SECRET);
    assertThat(made.text() + logs()).doesNotContain(SECRET);
  }

  @ParameterizedTest
  @ValueSource(strings = {"fine", "broken"})
  void aDryRunBlacksOutASecretThatTheToolRepeats(String path) throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("e.json"), environment(path, "{'env':'PATH','prefix':'Bearer '}"));
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said, true);

    int exit = Main.run(out, out, "env", "check", "--tool-address", address(), file.toString());

    assertThat(exit).as(said.toString()).isEqualTo(path.equals("fine") ? 0 : 2);
    assertThat(received).isNotEmpty().allMatch(("Bearer " + SECRET)::equals);
    assertThat(said.toString()).contains("[secret]").doesNotContain(SECRET);
    assertThat(logs()).doesNotContain(SECRET);
  }

  private String logs() {
    return String.join("\n", logged.list.stream().map(ILoggingEvent::getFormattedMessage).toList());
  }
}
