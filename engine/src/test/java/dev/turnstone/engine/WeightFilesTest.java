package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightFilesTest {
  @TempDir Path folder;
  private Path index;

  @BeforeEach
  void writeFiles() throws Exception {
    index = folder.resolve("model.safetensors.index.json");
    for (String name : new String[] {"a.safetensors", "b.safetensors", "consolidated.safetensors"})
      Files.writeString(folder.resolve(name), "");
  }

  @Test
  void anIndexSaysWhichFilesCount() throws Exception {
    Files.writeString(
        index,
        "{\"weight_map\": {\"x\": \"b.safetensors\", \"y\": \"a.safetensors\", \"z\": \"b.safetensors\"}}");
    assertThat(WeightFiles.in(folder))
        .containsExactly(folder.resolve("a.safetensors"), folder.resolve("b.safetensors"));
  }

  @Test
  void aMissingShardIsNamed() throws Exception {
    Files.writeString(index, "{\"weight_map\": {\"x\": \"c.safetensors\"}}");
    assertThatThrownBy(() -> WeightFiles.in(folder))
        .hasMessageEndingWith("names the shard c.safetensors, which is not in its folder");
  }

  @Test
  void aShardOutsideTheFolderIsRefused() throws Exception {
    Files.writeString(index, "{\"weight_map\": {\"x\": \"../a.safetensors\"}}");
    assertThatThrownBy(() -> WeightFiles.in(folder)).hasMessageContaining("../a.safetensors");
  }

  @Test
  void withoutAnIndexTheWholeModelsFileCountsAlone() throws Exception {
    assertThat(WeightFiles.in(folder)).hasSize(3);
    Files.writeString(folder.resolve("model.safetensors"), "");
    assertThat(WeightFiles.in(folder)).containsExactly(folder.resolve("model.safetensors"));
  }
}
