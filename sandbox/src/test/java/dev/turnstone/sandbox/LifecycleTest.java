package dev.turnstone.sandbox;

import static dev.turnstone.sandbox.JailedProcesses.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.sandbox.jail.SandboxException;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// How the service starts, ends, and fares under load.
final class LifecycleTest {
  private static final String SLEEP =
      "{\"language\":\"python\",\"code\":\"import time; time.sleep(50)\",\"run_timeout\":60}";

  @Test
  void closingLeavesNoJailBehind() throws Exception {
    SandboxConfig config = RunningSandbox.config(8, Duration.ofSeconds(8));
    try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      SandboxServer server = SandboxServer.start(config);
      Future<HttpResponse<String>> running =
          clients.submit(() -> new RunningSandbox(config, server).post(SLEEP));
      await(() -> !JailedProcesses.ofPrograms(config).isEmpty());

      server.close();
      server.awaitClose();

      assertThatThrownBy(() -> running.get(5, TimeUnit.SECONDS))
          .hasRootCauseInstanceOf(IOException.class);
      await(() -> JailedProcesses.all(config).isEmpty());
    }
  }

  @Test
  void aKilledServiceLeavesNoJailBehind(@TempDir Path temporary) throws Exception {
    SandboxConfig config = RunningSandbox.config(8, Duration.ofSeconds(8));
    readableByAll(temporary);
    try (SandboxProcess service = new SandboxProcess(config, temporary);
        Socket client = sleep(service.url())) {
      await(() -> !JailedProcesses.ofPrograms(config).isEmpty());

      service.process().destroyForcibly();

      await(() -> JailedProcesses.all(config).isEmpty());
      assertThat(client.isBound()).isTrue();
    }
  }

  @Test
  void aTerminatedServiceCleansUp(@TempDir Path temporary) throws Exception {
    SandboxConfig config = RunningSandbox.config(8, Duration.ofSeconds(8));
    readableByAll(temporary);
    try (SandboxProcess service = new SandboxProcess(config, temporary);
        Socket client = sleep(service.url())) {
      await(() -> !JailedProcesses.ofPrograms(config).isEmpty());

      service.process().destroy();

      assertThat(service.process().waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(service.process().exitValue()).isEqualTo(143);
      await(() -> JailedProcesses.all(config).isEmpty());
      try (Stream<Path> left = Files.list(temporary)) {
        assertThat(left.map(Path::getFileName).map(Path::toString))
            .noneMatch(name -> name.startsWith("turnstone-sandbox"));
      }
      assertThat(client.isBound()).isTrue();
    }
  }

  @Test
  void aProgramEndsWhenItsClientHasGone() throws Exception {
    SandboxConfig config = RunningSandbox.config(8, Duration.ofSeconds(8));
    try (SandboxServer server = SandboxServer.start(config)) {
      Socket client = sleep(server.url());
      await(() -> !JailedProcesses.ofPrograms(config).isEmpty());

      client.close();

      await(() -> JailedProcesses.ofPrograms(config).isEmpty());
    }
  }

  @Test
  void aFullSandboxAnswers504InTime() throws Exception {
    SandboxConfig config = RunningSandbox.config(1, Duration.ofMillis(1500));
    List<Socket> clients = new ArrayList<>();
    try (SandboxServer server = SandboxServer.start(config)) {
      for (int i = 1; i <= config.concurrency(); i++) {
        int running = i; // one after the other: on a busy machine the last would wait, as one more
        clients.add(sleep(server.url()));
        await(() -> JailedProcesses.ofPrograms(config).size() == running);
      }
      RunningSandbox sandbox = new RunningSandbox(config, server);

      List<Callable<HttpResponse<String>>> late =
          List.of(() -> sandbox.post(SLEEP), () -> sandbox.post(SLEEP), () -> sandbox.post(SLEEP));
      List<String> answers = new ArrayList<>();
      try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
        for (Future<HttpResponse<String>> answer : threads.invokeAll(late)) {
          assertThat(answer.get().statusCode()).isEqualTo(504);
          answers.add(answer.get().body());
        }
      }

      assertThat(answers)
          .containsExactlyInAnyOrder(
              "{\"detail\":\"The sandbox is busy: all 4 places stayed busy for 1.5 s\"}",
              "{\"detail\":\"The sandbox is busy: 1 programs wait already\"}",
              "{\"detail\":\"The sandbox is busy: 1 programs wait already\"}");
    } finally {
      for (Socket client : clients) client.close();
    }
  }

  @Test
  void aTrainingStepsBurstIsServed() throws Exception {
    SandboxConfig config = SandboxConfig.of("127.0.0.1", 0);
    try (SandboxServer server = SandboxServer.start(config);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      RunningSandbox sandbox = new RunningSandbox(config, server);

      List<Callable<JsonNode>> burst = Collections.nCopies(64, () -> sandbox.python("print(6*7)"));

      for (Future<JsonNode> result : threads.invokeAll(burst))
        assertThat(result.get().at("/run_result/stdout").asText()).isEqualTo("42\n");
    }
  }

  @Test
  void concurrentProgramsDoNotMeet() throws Exception {
    RunningSandbox sandbox = RunningSandbox.shared();
    List<Callable<JsonNode>> programs = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      String code =
          """
          import os, socket
          s = socket.create_server(('', 5000)); open('/tmp/x', 'x').write('%d')
          print(open('/tmp/x').read())
          """
              .formatted(i);
      programs.add(() -> sandbox.python(code));
    }
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<JsonNode>> results = threads.invokeAll(programs);
      for (int i = 0; i < results.size(); i++)
        assertThat(results.get(i).get().at("/run_result/stdout").asText()).isEqualTo(i + "\n");
    }
    sandbox.assertNothingIsLeft();
  }

  @Test
  void aJailThatIsKilledFromOutsideIsASandboxError() throws Exception {
    SandboxConfig config = RunningSandbox.config(8, Duration.ofSeconds(8));
    try (SandboxServer server = SandboxServer.start(config);
        ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      RunningSandbox sandbox = new RunningSandbox(config, server);
      String forks = "import os, time\ntime.sleep(0.1)\nos.fork()\ntime.sleep(99)";
      String request = RunningSandbox.request("python", forks).toString();
      Future<HttpResponse<String>> running = clients.submit(() -> sandbox.post(request));
      // A program that is lost in its first moments is given to another jail.
      await(() -> JailedProcesses.ofPrograms(config).size() > 1);

      JailedProcesses.killWorkers(config);

      JsonNode response = RunningSandbox.json(running.get(10, TimeUnit.SECONDS));
      assertThat(response.get("status").asText()).isEqualTo("SandboxError");
      assertThat(response.get("message").asText()).contains("killed from outside");
      assertThat(response.get("run_result").isNull()).isTrue();
      assertThat(sandbox.python("print(1)").get("status").asText()).isEqualTo("Success");
    }
  }

  @Test
  void aPortInUseIsNamed() {
    URI taken = URI.create(RunningSandbox.shared().url());
    SandboxConfig config = SandboxConfig.of("127.0.0.1", taken.getPort());

    assertThatThrownBy(() -> SandboxServer.start(config))
        .isInstanceOf(SandboxException.class)
        .hasMessage(
            "port %d of 127.0.0.1 is in use: choose another with --port, 0 picks a free one"
                .formatted(taken.getPort()));
  }

  @Test
  void onlyThisMachineIsServed() {
    assertThatThrownBy(() -> SandboxServer.start(SandboxConfig.of("0.0.0.0", 0)))
        .isInstanceOf(SandboxException.class)
        .hasMessageContaining("serves only this machine, not 0.0.0.0: use --host 127.0.0.1");
  }

  /// Asks for a long program and leaves the answer to come.
  private static Socket sleep(String url) throws IOException {
    URI uri = URI.create(url);
    Socket socket = new Socket(uri.getHost(), uri.getPort());
    String request =
        "POST /run_code HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
            .formatted(SLEEP.length(), SLEEP);
    socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
    return socket;
  }

  /// Jails run under other users.
  private static void readableByAll(Path folder) throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
