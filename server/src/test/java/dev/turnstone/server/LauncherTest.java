package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// The launcher in a project of one module whose Maven is a script that counts its builds.
@Timeout(60)
class LauncherTest {
  private static final String MAVEN =
      """
      #!/bin/sh
      echo build >> builds
      if [ -f broken ]; then echo "[ERROR] Thing.java:[1,2] nonsense"; exit 1; fi
      for module in server bench; do
        mkdir -p $module/target
        cp main.jar $module/target/turnstone-$module-1.jar
        printf %s "$PWD/server/target/turnstone-server-1.jar" > $module/target/classpath
      done
      """;
  private static final String MAIN =
      """
      package dev.turnstone.server;
      public class Main {
        public static void main(String[] args) {
          System.out.println("args " + String.join(",", args) + " heap "
              + (Runtime.getRuntime().maxMemory() >> 20) + " home " + System.getProperty("turnstone.home"));
          if (System.getenv("SHOW_OPTIONS") != null)
            System.out.println(
                java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments());
        }
      }
      """;

  @TempDir private Path temporary;
  private Path project = Path.of("");

  /// What a command printed.
  private record Printed(int exit, String out, String err) {}

  @BeforeEach
  void layOut() throws IOException {
    project = Files.createDirectories(temporary.toRealPath().resolve("a project"));
    Files.copy(Path.of("../turnstone"), project.resolve("turnstone"));
    write("pom.xml", "<modules>\n<module>server</module>\n</modules>\n");
    write("server/src/main/java/Thing.java", "class Thing {}");
    write("mvnw", MAVEN);
    assertThat(project.resolve("mvnw").toFile().setExecutable(true)).isTrue();
    jar();
  }

  @Test
  void theFirstUseBuildsAndTheNextDoesNot() throws Exception {
    Printed first = run("serve", "--port", "0");
    Printed second = run("x y");

    assertThat(first.out()).startsWith("args serve,--port,0 heap ");
    assertThat(first.out()).endsWith("home " + project + "\n");
    assertThat(first.err()).contains("turnstone: building", "turnstone: built in");
    assertThat(second).isEqualTo(new Printed(0, second.out(), ""));
    assertThat(second.out()).startsWith("args x y heap ");
    assertThat(builds()).isOne();
  }

  @Test
  void changedSourcesAreBuiltAndOldOnesAreRemembered() throws Exception {
    run("a");
    write("server/src/main/java/Thing.java", "class Thing { int x; }");
    run("a");
    assertThat(builds()).isEqualTo(2);

    write("server/src/main/java/Thing.java", "class Thing {}");
    run("a");

    assertThat(builds()).isEqualTo(2);
  }

  @Test
  void aFileThatIsGoneIsAChange() throws Exception {
    write("server/src/main/java/Other.java", "class Other {}");
    run("a");
    Files.delete(project.resolve("server/src/main/java/Other.java"));
    run("a");

    assertThat(builds()).isEqualTo(2);
  }

  @Test
  void aFailedBuildShowsItsErrorsAndIsTriedAgain() throws Exception {
    write("broken", "");

    Printed failed = run("a");

    assertThat(failed.exit()).isOne();
    assertThat(failed.out()).isEmpty();
    assertThat(failed.err())
        .contains("[ERROR] Thing.java:[1,2] nonsense")
        .contains("the build failed: see " + project.resolve(".turnstone/build.log"));
    Files.delete(project.resolve("broken"));
    assertThat(run("a").exit()).isZero();
  }

  @Test
  void firstUsesAtTheSameTimeBuildOnce() throws Exception {
    List<Process> processes =
        Stream.of("a", "b", "c", "d").map(argument -> start(argument)).toList();

    for (Process process : processes) assertThat(printed(process).exit()).isZero();

    assertThat(builds()).isOne();
    assertThat(project.resolve(".turnstone/lock")).doesNotExist();
  }

  @Test
  void aLockWhoseOwnerIsDeadIsTaken() throws Exception {
    Process dead = new ProcessBuilder("true").start();
    dead.waitFor();
    write(".turnstone/lock/pid", dead.pid() + "\n");

    assertThat(run("a").exit()).isZero();
  }

  @Test
  void aCollectorThatIsAskedForIsTheOnlyOne() throws Exception {
    ProcessBuilder builder = command("serve");
    builder.environment().put("TURNSTONE_JAVA_OPTS", "-XX:+UseParallelGC");

    Printed printed = printed(builder.start());

    assertThat(printed.exit()).as(printed.err()).isZero();
  }

  @Test
  void otherOptionsLeaveTheServersCollector() throws Exception {
    ProcessBuilder builder = command("serve");
    builder.environment().put("SHOW_OPTIONS", "");
    builder
        .environment()
        .put("TURNSTONE_JAVA_OPTS", "-XX:+UseStringDeduplication -XX:MaxGCPauseMillis=50");

    Printed printed = printed(builder.start());

    assertThat(printed.exit()).as(printed.err()).isZero();
    assertThat(printed.out()).contains("-XX:+UseZGC");
  }

  @Test
  void theHeapIsAGibibyteUnlessToldOtherwise() throws Exception {
    assertThat(heap(run("a"))).isBetween(900, 1024);

    ProcessBuilder builder = command("a");
    builder.environment().put("TURNSTONE_JAVA_OPTS", "-Xmx64m -Xms16m");

    assertThat(heap(printed(builder.start()))).isBetween(50, 64);
  }

  private static int heap(Printed printed) {
    return Integer.parseInt(printed.out().replaceAll("(?s).* heap (\\d+) .*", "$1"));
  }

  private long builds() throws IOException {
    return Files.readString(project.resolve("builds")).lines().count();
  }

  private Printed run(String... arguments) throws Exception {
    return printed(command(arguments).start());
  }

  private Process start(String argument) {
    try {
      return command(argument).start();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private ProcessBuilder command(String... arguments) {
    List<String> line =
        Stream.concat(Stream.of(project.resolve("turnstone").toString()), Stream.of(arguments))
            .toList();
    ProcessBuilder builder = new ProcessBuilder(line).directory(temporary.toFile());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().remove("TURNSTONE_JAVA_OPTS");
    return builder;
  }

  private static Printed printed(Process process) throws Exception {
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return new Printed(process.exitValue(), out, err);
  }

  private void write(String name, String content) throws IOException {
    Files.createDirectories(project.resolve(name).getParent());
    Files.writeString(project.resolve(name), content);
  }

  private void jar() throws IOException {
    Path source = temporary.resolve("Main.java");
    Files.writeString(source, MAIN);
    var compiler = ToolProvider.getSystemJavaCompiler();
    assertThat(compiler.run(null, null, null, "-d", temporary + "/classes", source.toString()))
        .isZero();
    String name = "dev/turnstone/server/Main.class";
    try (OutputStream file = Files.newOutputStream(project.resolve("main.jar"));
        JarOutputStream jar = new JarOutputStream(file)) {
      jar.putNextEntry(new JarEntry(name));
      jar.write(Files.readAllBytes(temporary.resolve("classes").resolve(name)));
    }
  }
}
