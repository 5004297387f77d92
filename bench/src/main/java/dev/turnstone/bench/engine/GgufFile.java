package dev.turnstone.bench.engine;

import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.Safetensors;
import dev.turnstone.engine.Safetensors.Stored;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// A Llama's bf16 weights as llama.cpp reads them: GGUF version 3, queries and keys reordered for
/// its rotary embedding, and a vocabulary of stand-ins, because prompts are ids.
final class GgufFile {
  private static final int ALIGNMENT = 32;
  private static final int F32 = 0;
  private static final int BF16 = 30;
  private static final int UINT32 = 4;
  private static final int FLOAT32 = 6;
  private static final int STRING = 8;
  private static final int ARRAY = 9;
  private static final int INT32 = 5;

  private final DataOutputStream out;
  private long written;

  private GgufFile(OutputStream out) {
    this.out = new DataOutputStream(out);
  }

  static void write(Path folder, ModelConfig config, Path file) throws IOException, ModelException {
    Map<String, Stored> tensors = new LinkedHashMap<>();
    Safetensors.read(folder).forEach((name, stored) -> tensors.put(renamed(name), stored));
    try (var stream = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      var gguf = new GgufFile(stream);
      gguf.bytes("GGUF".getBytes(StandardCharsets.US_ASCII));
      gguf.int32(3);
      gguf.int64(tensors.size());
      gguf.int64(17);
      gguf.metadata(config);
      gguf.directory(tensors);
      for (var tensor : tensors.entrySet()) {
        gguf.align();
        gguf.bytes(data(tensor.getKey(), tensor.getValue(), config));
      }
      gguf.out.flush();
    }
  }

  private void metadata(ModelConfig c) throws IOException {
    text("general.architecture", "llama");
    text("general.name", "bench");
    number("llama.block_count", c.layers());
    number("llama.context_length", c.contextLength());
    number("llama.embedding_length", c.hidden());
    number("llama.feed_forward_length", c.intermediate());
    number("llama.attention.head_count", c.heads());
    number("llama.attention.head_count_kv", c.kvHeads());
    number("llama.rope.dimension_count", c.headDim());
    number("llama.vocab_size", c.vocabulary());
    real("llama.rope.freq_base", (float) c.ropes().getFirst().theta());
    real("llama.attention.layer_norm_rms_epsilon", (float) c.normEps());
    text("tokenizer.ggml.model", "gpt2");
    text("tokenizer.ggml.pre", "default");
    array("tokenizer.ggml.tokens", STRING, c.vocabulary());
    for (int id = 0; id < c.vocabulary(); id++) string("t" + id);
    array("tokenizer.ggml.token_type", INT32, c.vocabulary());
    for (int id = 0; id < c.vocabulary(); id++) int32(id == 0 ? 3 : 1);
    array("tokenizer.ggml.merges", STRING, 1);
    string("t 1");
  }

  private void directory(Map<String, Stored> tensors) throws IOException {
    long offset = 0;
    for (var tensor : tensors.entrySet()) {
      string(tensor.getKey());
      var shape = tensor.getValue().shape();
      int32(shape.size());
      for (Long size : shape.reversed()) int64(size);
      boolean norm = shape.size() == 1;
      int32(norm ? F32 : BF16);
      int64(offset);
      long elements = shape.stream().reduce(1L, (a, b) -> a * b);
      offset += Math.ceilDiv(elements * (norm ? 4 : 2), ALIGNMENT) * ALIGNMENT;
    }
  }

  private static String renamed(String name) {
    return name.replace("model.embed_tokens", "token_embd")
        .replace("model.norm", "output_norm")
        .replace("lm_head", "output")
        .replace("model.layers.", "blk.")
        .replace("self_attn.q_proj", "attn_q")
        .replace("self_attn.k_proj", "attn_k")
        .replace("self_attn.v_proj", "attn_v")
        .replace("self_attn.o_proj", "attn_output")
        .replace("mlp.gate_proj", "ffn_gate")
        .replace("mlp.up_proj", "ffn_up")
        .replace("mlp.down_proj", "ffn_down")
        .replace("post_attention_layernorm", "ffn_norm")
        .replace("input_layernorm", "attn_norm");
  }

  /// bf16 as it is, norms widened to f32, rotated matrices reordered.
  private static byte[] data(String name, Stored tensor, ModelConfig c) {
    if (tensor.dtype() != Safetensors.Dtype.BF16)
      throw new IllegalArgumentException(name + " is " + tensor.dtype() + ", not BF16");
    byte[] bytes = new byte[tensor.data().remaining()];
    tensor.data().duplicate().get(bytes);
    if (tensor.shape().size() == 1) return widened(bytes);
    if (name.endsWith("attn_q.weight")) return reordered(bytes, c.heads(), c);
    if (name.endsWith("attn_k.weight")) return reordered(bytes, c.kvHeads(), c);
    return bytes;
  }

  private static byte[] widened(byte[] halves) {
    byte[] wide = new byte[2 * halves.length];
    for (int i = 0; i < halves.length; i += 2) {
      wide[2 * i + 2] = halves[i];
      wide[2 * i + 3] = halves[i + 1];
    }
    return wide;
  }

  /// Rows of each head from halves to pairs.
  private static byte[] reordered(byte[] bytes, int heads, ModelConfig c) {
    byte[] to = new byte[bytes.length];
    int row = c.hidden() * Short.BYTES;
    int half = c.headDim() / 2;
    for (int head = 0; head < heads; head++)
      for (int i = 0; i < c.headDim(); i++) {
        int source = head * c.headDim() + i % 2 * half + i / 2;
        System.arraycopy(bytes, source * row, to, (head * c.headDim() + i) * row, row);
      }
    return to;
  }

  private void text(String key, String value) throws IOException {
    string(key);
    int32(STRING);
    string(value);
  }

  private void number(String key, int value) throws IOException {
    string(key);
    int32(UINT32);
    int32(value);
  }

  private void real(String key, float value) throws IOException {
    string(key);
    int32(FLOAT32);
    int32(Float.floatToRawIntBits(value));
  }

  private void array(String key, int type, int count) throws IOException {
    string(key);
    int32(ARRAY);
    int32(type);
    int64(count);
  }

  private void string(String value) throws IOException {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    int64(bytes.length);
    bytes(bytes);
  }

  private void int32(int value) throws IOException {
    bytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }

  private void int64(long value) throws IOException {
    bytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }

  private void bytes(byte[] bytes) throws IOException {
    out.write(bytes);
    written += bytes.length;
  }

  private void align() throws IOException {
    while (written % ALIGNMENT != 0) bytes(new byte[1]);
  }
}
