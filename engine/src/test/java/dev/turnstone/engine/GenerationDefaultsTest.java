package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Sampling;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerationDefaultsTest {
  @TempDir Path folder;

  private Sampling read(String json) throws Exception {
    Files.writeString(folder.resolve("generation_config.json"), json);
    return GenerationDefaults.read(folder);
  }

  @Test
  void theMakersWishesAreTheDefaults() throws Exception {
    Sampling sampling =
        read(
            """
            {"do_sample": true, "temperature": 0.7, "top_p": 0.8, "top_k": 20,
             "repetition_penalty": 1.05, "eos_token_id": [1, 2]}\
            """);
    assertThat(sampling.temperature()).isEqualTo(0.7);
    assertThat(sampling.topP()).isEqualTo(0.8);
    assertThat(sampling.topK()).isEqualTo(20);
    assertThat(sampling.penalties().repetition()).isEqualTo(1.05);
  }

  @Test
  void withoutWishesEverythingIsSampled() throws Exception {
    assertThat(GenerationDefaults.read(folder)).isEqualTo(Sampling.FULL);
    assertThat(read("{\"eos_token_id\": 2}")).isEqualTo(Sampling.FULL);
  }

  @Test
  void whatCannotBeIsNamed() {
    assertThatThrownBy(() -> read("{\"top_p\": 7}"))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("top_p is not in (0, 1]: 7.0");
    assertThatThrownBy(() -> read("{\"temperature\": \"hot\"}"))
        .hasMessageContaining("temperature is \"hot\", not a number");
  }
}
