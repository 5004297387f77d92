package dev.turnstone.trainerbridge.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// The Python client's own tests, where a Python has what they need.
public class PythonClientTest {
  private static final long PATIENCE_S = 180;
  private static final String PYTHON =
      Optional.ofNullable(System.getenv("TURNSTONE_PYTHON")).orElse("python3");

  @Test
  void thePythonClientPassesItsTests() throws Exception {
    assumeTrue(
        run("-c", "import numpy, pytest, websockets").code() == 0,
        PYTHON
            + " lacks numpy, pytest or websockets, so the Python client is not tested: make a venv,"
            + " pip install './trainer-bridge/python[test]', and name its python in"
            + " TURNSTONE_PYTHON");

    Ended tests = run("-m", "pytest", "-q", "tests");

    assertThat(tests.code()).describedAs(tests.said()).isZero();
  }

  private record Ended(int code, String said) {}

  private static Ended run(String... arguments) throws InterruptedException {
    String[] command = new String[arguments.length + 1];
    command[0] = PYTHON;
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(Path.of("python").toFile()).redirectErrorStream(true);
    builder.environment().put("PYTHONPATH", "src");
    builder.environment().put("PYTHONDONTWRITEBYTECODE", "1");
    try {
      Process process = builder.start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor(PATIENCE_S, TimeUnit.SECONDS))
        return new Ended(process.exitValue(), said);
      process.destroyForcibly();
      return new Ended(-1, "no end after %d s: %s".formatted(PATIENCE_S, said));
    } catch (IOException e) {
      return new Ended(-1, String.valueOf(e.getMessage()));
    }
  }
}
