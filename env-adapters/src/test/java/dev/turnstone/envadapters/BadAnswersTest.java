package dev.turnstone.envadapters;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Observation.Result;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A tool server that answers what no tool server should, byte for byte. The policy reads something
/// bounded, or the rollout is lost with one sentence.
@Timeout(60)
final class BadAnswersTest {
  /// Writes an answer, or part of one.
  private interface Answer {
    void to(OutputStream out) throws IOException, InterruptedException;
  }

  private final Peerage peer = new Peerage();
  private final ServerSocket socket = listen();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  private static ServerSocket listen() {
    try {
      return new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @AfterEach
  void close() throws IOException {
    socket.close();
    threads.shutdownNow();
    threads.close();
    peer.close();
  }

  @Test
  void aPageOfHtmlIsTextThatThePolicyReads() throws Exception {
    String page = "<html><body><h1>It works!</h1></body></html>";

    assertThat(call(ok("text/html", page), ""))
        .isInstanceOf(Result.Ok.class)
        .returns(page, Result::text);
  }

  @Test
  void aPageOfHtmlThatIsAnErrorIsABrokenEnvironment() {
    assertThatThrownBy(() ->
            call(
                out ->
                    write(
                        out, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 12\r\n\r\n<html>nginx>"),
                ""))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageContaining("/bad answered 502")
        .hasMessageNotContaining("\n");
  }

  @Test
  void bytesThatAreNoTextAreReplaced() throws Exception {
    assertThat(call(ok("application/json", "a\u00ff\u00fe\u00c3b"), "").text())
        .isEqualTo("a\ufffd\ufffd\ufffdb");
  }

  @Test
  void aServerThatHangsHalfWayIsLeftAtTheTimeLimit() throws Exception {
    Answer half =
        out -> {
          write(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
          Thread.sleep(60_000);
        };

    assertThatThrownBy(() -> call(half, "'timeout_s':0.3,"))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageEndingWith("did not answer within 0.3 s");
    assertThat(call(half, "'timeout_s':0.3,'on_timeout':'tool_error',"))
        .isInstanceOf(Result.Failed.class)
        .returns("Error: timed out after 0.3 s", Result::text);
  }

  @Test
  void aServerThatHangsInItsHeadersIsLeftAtTheTimeLimit() {
    Answer half =
        out -> {
          write(out, "HTTP/1.1 200 OK\r\nContent-");
          Thread.sleep(60_000);
        };

    assertThatThrownBy(() -> call(half, "'timeout_s':0.3,")).isInstanceOf(EnvironmentLost.class);
  }

  @Test
  void aServerThatClosesHalfWayIsABrokenEnvironment() {
    assertThatThrownBy(
            () -> call(out -> write(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), ""))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageNotContaining("\n");
    assertThatThrownBy(() -> call(out -> {}, "")).isInstanceOf(EnvironmentLost.class);
    assertThatThrownBy(() -> call(out -> write(out, "SSH-2.0-OpenSSH_9\r\n"), ""))
        .isInstanceOf(EnvironmentLost.class);
  }

  @Test
  void aFloodIsReadToABound() throws Exception {
    Answer flood =
        out -> {
          write(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
          byte[] block = "flood ".repeat(10_000).getBytes(ISO_8859_1);
          while (true) out.write(block);
        };

    assertThat(call(flood, "'timeout_s':30,'max_output_tokens':8,").text())
        .startsWith("flood")
        .contains("tokens cut]")
        .endsWith("[the answer was longer than 16 MiB; the rest was not read]")
        .hasSizeLessThan(300);
  }

  @Test
  void aFloodOfHeadersIsABrokenEnvironment() {
    Answer flood =
        out -> {
          write(out, "HTTP/1.1 200 OK\r\n");
          while (true) write(out, "X-Flood: " + "x".repeat(1000) + "\r\n");
        };

    assertThatThrownBy(() -> call(flood, "'timeout_s':20,")).isInstanceOf(EnvironmentLost.class);
  }

  private static Answer ok(String type, String body) {
    return out ->
        write(
            out,
            "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                .formatted(type, body.length(), body));
  }

  private static void write(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(ISO_8859_1));
    out.flush();
  }

  /// Calls the bad tool.
  private Result call(Answer answer, String fields) throws EnvironmentLost, InterruptedException {
    var _ =
        threads.submit(() -> {
          while (true) {
            Socket connection = socket.accept();
            var _ = threads.submit(() -> serve(connection, answer));
          }
        });
    String tool =
        "{'kind':'http','name':'bad','description':'d',%s'url':'http://127.0.0.1:%d/bad'}"
            .formatted(fields, socket.getLocalPort());
    try (Environment.Session session = peer.open(tool)) {
      return session.step(List.of(Peerage.toolCall("c", "bad", "{}"))).results().getFirst();
    }
  }

  private static boolean serve(Socket connection, Answer answer)
      throws IOException, InterruptedException {
    try (connection) {
      int ends = 0;
      while (ends < 4)
        ends = "\r\n\r\n".charAt(ends) == connection.getInputStream().read() ? ends + 1 : 0;
      answer.to(connection.getOutputStream());
    }
    return true;
  }
}
