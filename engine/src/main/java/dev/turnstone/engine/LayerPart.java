package dev.turnstone.engine;

import java.util.Arrays;
import java.util.List;

/// The parameters that a layer may have, in the order in which they are held. In the forward
/// sources a part's name is its place within a layer, or -1 where the model lacks it.
enum LayerPart {
  INPUT_NORM("input_layernorm.weight"),
  Q_PROJ("self_attn.q_proj.weight"),
  Q_BIAS("self_attn.q_proj.bias"),
  K_PROJ("self_attn.k_proj.weight"),
  K_BIAS("self_attn.k_proj.bias"),
  V_PROJ("self_attn.v_proj.weight"),
  V_BIAS("self_attn.v_proj.bias"),
  O_PROJ("self_attn.o_proj.weight"),
  O_BIAS("self_attn.o_proj.bias"),
  Q_NORM("self_attn.q_norm.weight"),
  K_NORM("self_attn.k_norm.weight"),
  /// Before the MLP; with post norms, after attention.
  POST_ATTENTION_NORM("post_attention_layernorm.weight"),
  PRE_MLP_NORM("pre_feedforward_layernorm.weight"),
  POST_MLP_NORM("post_feedforward_layernorm.weight"),
  GATE_PROJ("mlp.gate_proj.weight"),
  GATE_BIAS("mlp.gate_proj.bias"),
  UP_PROJ("mlp.up_proj.weight"),
  UP_BIAS("mlp.up_proj.bias"),
  DOWN_PROJ("mlp.down_proj.weight"),
  DOWN_BIAS("mlp.down_proj.bias");

  private final String parameter;

  LayerPart(String parameter) {
    this.parameter = parameter;
  }

  /// Its name in a checkpoint, behind `model.layers.N.`.
  String parameter() {
    return parameter;
  }

  /// The parts of a model's layers.
  static List<LayerPart> of(ModelConfig config) {
    return Arrays.stream(values()).filter(part -> part.isIn(config)).toList();
  }

  private boolean isIn(ModelConfig config) {
    return switch (this) {
      case Q_BIAS, K_BIAS, V_BIAS -> config.biases().qkv();
      case O_BIAS -> config.biases().output();
      case GATE_BIAS, UP_BIAS, DOWN_BIAS -> config.biases().mlp();
      case Q_NORM, K_NORM -> config.family().queryKeyNorm();
      case PRE_MLP_NORM, POST_MLP_NORM -> config.family().postNorms();
      default -> true;
    };
  }

  List<Long> shape(ModelConfig config) {
    long hidden = config.hidden();
    long inner = config.intermediate();
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.kvHeads() * config.headDim();
    return switch (this) {
      case Q_PROJ -> List.of(queries, hidden);
      case K_PROJ, V_PROJ -> List.of(keys, hidden);
      case O_PROJ -> List.of(hidden, queries);
      case GATE_PROJ, UP_PROJ -> List.of(inner, hidden);
      case DOWN_PROJ -> List.of(hidden, inner);
      case Q_BIAS -> List.of(queries);
      case K_BIAS, V_BIAS -> List.of(keys);
      case GATE_BIAS, UP_BIAS -> List.of(inner);
      case Q_NORM, K_NORM -> List.of((long) config.headDim());
      case O_BIAS, DOWN_BIAS, INPUT_NORM, POST_ATTENTION_NORM, PRE_MLP_NORM, POST_MLP_NORM ->
          List.of(hidden);
    };
  }
}
