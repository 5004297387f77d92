package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelConfigTest {
  @TempDir Path folder;

  @Test
  void aConfigIsReadAsItWasWritten() throws Exception {
    assertThat(ModelConfig.read(RandomModel.write(folder, 1))).isEqualTo(RandomModel.CONFIG);
  }

  @ParameterizedTest(name = "{2}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          LlamaForCausalLM      | BertModel               | architecture BertModel is not supported
          "vocab_size": 97      | "vocab_size": "many"    | vocab_size is "many", not a positive number
          "hidden_size": 32     | "hidden_size": 0        | hidden_size is 0, not a positive number
          "num_key_value_heads": 2 | "num_key_value_heads": 3 | num_attention_heads 4 is no multiple of num_key_value_heads 3
          "rope_theta": 10000.0 | "rope_scaling": {"rope_type": "dynamic", "factor": 2.0} | rope scaling dynamic is not supported; supported: default, linear, llama3, yarn
          "rope_theta": 10000.0 | "rope_scaling": {"type": "longrope"} | rope scaling longrope is not supported
          "rope_theta": 10000.0 | "rope_scaling": {"rope_type": "llama3"} | factor is missing, not a number
          "rope_theta": 10000.0 | "rope_theta": 0.5 | rope_theta is 0.5, not above 1
          "rope_theta": 10000.0 | "partial_rotary_factor": 0.5 | partial_rotary_factor is not supported
          "rope_theta": 10000.0 | "hidden_act": "relu" | hidden_act relu is not supported in LlamaForCausalLM
          "rope_theta": 10000.0 | "quantization_config": {"quant_method": "gptq"} | quantized weights (gptq) are not supported
          "LlamaForCausalLM"]   | "Gemma3ForCausalLM"], "final_logit_softcapping": 30.0 | final_logit_softcapping is not supported
          "LlamaForCausalLM"]   | "Qwen3ForCausalLM"], "use_sliding_window": true, "layer_types": ["full_attention", "chunked_attention"] | layer type chunked_attention of layer 1 is not supported
          "LlamaForCausalLM"]   | "SmolLM3ForCausalLM"], "no_rope_layers": [1] | no_rope_layers says nothing about layer 1
          {"architectures"      | {"architectures          | is not readable JSON
          """)
  void whatIsNotSupportedIsRefusedByName(String from, String to, String sentence)
      throws IOException {
    String config = RandomModel.configJson(RandomModel.CONFIG);
    assertThat(config).contains(from);
    Files.writeString(folder.resolve("config.json"), config.replace(from, to));
    assertThatThrownBy(() -> ModelConfig.read(folder))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining(sentence);
  }

  @Test
  void aMissingFolderIsNamed() {
    assertThatThrownBy(() -> ModelConfig.read(folder.resolve("nowhere")))
        .hasMessage("no model folder at " + folder.resolve("nowhere"));
  }

  @Test
  void truncatedWeightsAreRefusedByTensor() throws Exception {
    Path model = RandomModel.write(folder, 1).resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(model);
    for (int length : new int[] {0, 5, 100, bytes.length - 1}) {
      Files.write(model, java.util.Arrays.copyOf(bytes, length));
      assertThatThrownBy(() -> Safetensors.read(folder))
          .as("%d bytes", length)
          .isInstanceOf(ModelException.class)
          .hasMessageContaining("model.safetensors is truncated");
    }
  }
}
