package dev.turnstone.trainerbridge.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightsUploadTest {
  private static final long SPARE = 256L << 20;

  @TempDir Path directory;
  private long free = SPARE + 10;

  @Test
  void anUploadEndsWhereOthersFilledTheDiskMeanwhile() throws Exception {
    try (WeightsUpload upload = new WeightsUpload(directory, () -> free)) {
      upload.begin("a", 10);
      upload.add(new byte[4]);
      free = SPARE + 3;

      assertThatThrownBy(() -> upload.add(new byte[4]))
          .isInstanceOf(WeightsRejected.class)
          .hasMessage("there is no room any more for the last 6 bytes of a");
      assertThat(upload.folder().resolve("a")).hasSize(4);
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void aNameThatNoFileCanHaveIsRefused() throws Exception {
    try (WeightsUpload upload = new WeightsUpload(directory, () -> free)) {
      assertThatThrownBy(() -> upload.begin("a".repeat(300), 1))
          .isInstanceOf(WeightsRejected.class)
          .hasMessageStartingWith("not a plain file name: ");
    }
  }
}
