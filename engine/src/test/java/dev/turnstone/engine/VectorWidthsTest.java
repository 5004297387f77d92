package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Lanes on a machine with narrower vectors, or with none that Java can use: JVMs of their own,
/// which are told so. Where there is no such option, it is no such machine.
class VectorWidthsTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"-XX:UseAVX=2", "-XX:UseAVX=0", "-XX:-EnableVectorSupport"})
  void lanesComputeTheSameWithOtherVectors(String option) throws Exception {
    Path output = folder.resolve("output");
    var command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+IgnoreUnrecognizedVMOptions",
                "-XX:+UnlockExperimentalVMOptions",
                "-XX:+UseSerialGC",
                option,
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                VectorWidthsTest.class.getName(),
                folder.resolve("weights").toString()));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(process.waitFor(3, TimeUnit.MINUTES)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.exitValue()).as(() -> read(output)).isZero();
    assertThat(read(output)).contains("lanes agree, vectors of ");
  }

  private static String read(Path output) {
    try {
      return Files.readString(output);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /// The child: what is compared is what [LaneForwardTest] compares.
  public static void main(String[] arguments) throws Exception {
    var test = new LaneForwardTest();
    test.folder = Path.of(arguments[0]);
    test.lanesComputeWhatTorchScriptComputes(2, 3, 1, 64);
    test.inBfloat16LanesAreNoFartherFromTheTruthThanTorchScript(2, 9, 3, 64);
    test.inBfloat16LanesAreNoFartherFromTheTruthThanTorchScript(3, 5, 1, 80);
    System.out.println("lanes agree, vectors of " + FloatVector.SPECIES_PREFERRED.length());
  }
}
