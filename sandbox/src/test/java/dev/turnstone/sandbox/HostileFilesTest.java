package dev.turnstone.sandbox;

import static dev.turnstone.sandbox.Outcome.failed;
import static dev.turnstone.sandbox.Outcome.finished;
import static dev.turnstone.sandbox.Outcome.prints;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Programs 30 to 36 of the forty: files, links, sizes and names that lead astray.
@ExtendWith(Aftermath.class)
final class HostileFilesTest {
  private final RunningSandbox sandbox = RunningSandbox.shared();

  @Test
  void program30FetchThroughLinks() {
    Hostile.bash(
            """
            ln -s /etc/passwd a.txt; ln -s /proc/1/environ b.txt; ln -s ../../../etc/shadow c
            ln -s / root; mkdir d; rmdir d; ln -s /usr d; mkfifo pipe; ln -s self self
            echo mine > mine; ln -s mine ours
            """)
        .fetching(
            "a.txt",
            "b.txt",
            "c",
            "root/etc/passwd",
            "d/bin/env",
            "pipe",
            "self",
            "/etc/passwd",
            "/proc/self/status",
            "../../etc/hostname",
            "/dev/zero",
            "\0",
            "ours")
        .ends(r -> {
          assertThat(r.at("/files").fieldNames()).toIterable().containsExactly("ours");
          assertThat(RunningSandbox.text(r.at("/files/ours"))).isEqualTo("mine\n");
        });
  }

  @Test
  void program30ReplaceFoldersByLinksWhileTheyAreRead() throws IOException {
    String host = Files.readString(Path.of("/etc/passwd"));
    String session = sandbox.url() + "/v1/sessions/" + open().get("id").asText();
    String flip =
        "mkdir -p d e; echo mine > d/passwd; (while :; do mv d x; ln -s /etc d; rm d; mv x d; done)"
            + " >/dev/null 2>&1 &";
    post(session + "/exec", RunningSandbox.JSON.createObjectNode().put("command", flip).toString());
    for (int i = 0; i < 50; i++) {
      HttpResponse<String> read =
          RunningSandbox.send(
              HttpRequest.newBuilder(URI.create(session + "/files?path=d/passwd")).GET());
      assertThat(read.body()).doesNotContain("root:").isNotEqualTo(host);
      assertThat(read.statusCode()).isIn(200, 400, 404);
    }
    RunningSandbox.send(HttpRequest.newBuilder(URI.create(session)).DELETE());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../../etc/cron.d/x",
        "/etc/cron.d/x",
        "/workspace/../etc/x",
        "..",
        "/",
        "",
        "/tmp",
        "a\0b",
        "/proc/self/mem",
        "/agent/main.py"
      })
  void program31NamesOfFilesThatLeadOut(String path) {
    ObjectNode request = RunningSandbox.request("python", "print(1)");
    request.putObject("files").put(path, RunningSandbox.base64("x"));

    HttpResponse<String> response = sandbox.post(request.toString());

    assertThat(response.statusCode()).isEqualTo(422);
    assertThat(response.body()).contains("Path should lead to a file below /workspace");
  }

  @Test
  void program31TooManyFilesAndAGigabyteOfBase64() throws IOException {
    ObjectNode many = RunningSandbox.request("python", "print(1)");
    ObjectNode files = many.putObject("files");
    for (int i = 0; i < 10_000; i++) files.put("f" + i, "");

    assertThat(sandbox.post(many.toString()).statusCode()).isEqualTo(422);
    assertThat(statusOf(1L << 30)).isEqualTo("HTTP/1.1 413 Request Entity Too Large");
  }

  @Test
  void program32LinksToItsOwnScript() {
    Hostile.bash(
            "ln /tmp/main.sh hard && mv hard /tmp/main.sh && ln -sf /etc/passwd /tmp/main.sh; echo ok")
        .ends(prints("ok"));
    Hostile.python(
            "import os\nos.remove('/tmp/main.py'); os.symlink('/etc/passwd', '/tmp/main.py'); 1/0")
        .ends(failed("ZeroDivisionError"));
  }

  @Test
  void program33SparseFilesAndBombs() {
    Hostile.python(
            """
            import os
            try: os.truncate(os.open('big', os.O_CREAT | os.O_RDWR), 10 << 30)
            except OSError as e: print(e.strerror)
            os.truncate('big', 60 << 20)
            """)
        .fetching("big")
        .ends(
            finished(0, "File too large\n")
                .andThen(r -> assertThat(r.at("/message").asText()).contains("big"))
                .andThen(r -> assertThat(r.at("/files")).isEmpty()));
    Hostile.python(
            """
            import zipfile
            with zipfile.ZipFile('bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:
                for i in range(20): z.writestr(str(i), bytes(10 << 20))
            """)
        .fetching("bomb.zip")
        .ends(r -> assertThat(r.at("/files/bomb.zip").asText()).hasSizeLessThan(1 << 20));
  }

  @Test
  void program34MillionsOfFiles() {
    long[] ended = new long[1];
    Hostile.python("i = 0\nwhile True:\n  open(f'/tmp/{i}', 'w').close(); i += 1")
        .within(60)
        .ends(failed("No space left on device").andThen(r -> ended[0] = System.nanoTime()));
    sandbox.assertNothingIsLeft();
    assertThat(System.nanoTime() - ended[0]).isLessThan(TimeUnit.SECONDS.toNanos(3));
  }

  @Test
  void program35FoldersDeeperThanAPathIsLong() {
    Hostile.python(
            """
            import os
            for _ in range(2000):
                os.mkdir('d' * 200); os.chdir('d' * 200)
            open('a\\nb', 'w').close(); open(b'\\xff\\xfe', 'w').close()
            print('deep')
            """)
        .fetching("d".repeat(200), "d".repeat(200) + "/a\nb")
        .ends(finished(0, "deep\n"));
  }

  @Test
  void program36HugeArgumentsSourceAndStdin() throws IOException {
    Hostile.python(
            """
            import subprocess
            for change in ({'args': ['/usr/bin/true', 'x' * (8 << 20)]},
                           {'args': ['/usr/bin/true'], 'env': {'X': 'x' * (8 << 20)}}):
                try: subprocess.run(**change)
                except OSError as e: print(e.strerror)
            """)
        .ends(prints("Argument list too long\nArgument list too long"));
    Hostile.python("print('deaf')").stdin("z".repeat(30 << 20)).ends(prints("deaf"));
    Hostile.python("import sys, time\ntime.sleep(0.2)\nprint(len(sys.stdin.read()))")
        .stdin("z".repeat(8 << 20))
        .ends(prints("" + (8 << 20)));
    Hostile.python("#" + "x".repeat(20 << 20) + "\nprint('long')").ends(prints("long"));
    assertThat(statusOf(100L << 20)).isEqualTo("HTTP/1.1 413 Request Entity Too Large");
  }

  private JsonNode open() {
    return RunningSandbox.json(post(sandbox.url() + "/v1/sessions", "{}"));
  }

  private static HttpResponse<String> post(String url, String body) {
    return RunningSandbox.send(
        HttpRequest.newBuilder(URI.create(url)).POST(BodyPublishers.ofString(body)));
  }

  /// The status of a body of so many bytes, of which it need not read all.
  private String statusOf(long bytes) throws IOException {
    URI url = URI.create(sandbox.url());
    try (Socket socket = new Socket(url.getHost(), url.getPort())) {
      socket.setSoTimeout(10_000);
      String head =
          "POST /run_code HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n{\"code\":\""
              .formatted(bytes);
      socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
      return new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))
          .readLine();
    }
  }
}
