package dev.turnstone.engine;

/// What sets the layers of one kind of decoder apart; each has its own forward source.
///
/// Llama 2 and 3, SmolLM2 and SmolLM3, Mistral and Qwen2 are one family, which differ in biases,
/// windows and rotary embedding alone.
public enum Family {
  /// Norms before attention and MLP, SiLU.
  LLAMA,
  /// Llama with a norm over each head of queries and keys.
  QWEN3,
  /// Norms of weight 1 + w around attention and MLP and over each head of queries and keys, GELU's
  /// tanh form, an embedding scaled by √hidden.
  GEMMA3;

  /// Whether each head of queries and keys is normed before it is rotated.
  public boolean queryKeyNorm() {
    return this != LLAMA;
  }

  /// Whether what attention and MLP give is normed too, before it is added.
  public boolean postNorms() {
    return this == GEMMA3;
  }

  /// Whether a norm multiplies by 1 + w instead of w.
  public boolean normPlusOne() {
    return this == GEMMA3;
  }

  /// Whether the MLP's gate is GELU in its tanh form instead of SiLU.
  public boolean gelu() {
    return this == GEMMA3;
  }

  /// Whether embeddings are multiplied by √hidden, rounded to the weights' type.
  public boolean scaledEmbedding() {
    return this == GEMMA3;
  }

  /// The resource with its forward pass.
  String source() {
    return name().toLowerCase(java.util.Locale.ROOT) + ".torchscript";
  }
}
