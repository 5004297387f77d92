package dev.turnstone.trainerbridge.trainer;

import dev.turnstone.engine.FloatTensor;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.Precision;
import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Tokens;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.IntStream;

/// Trains the tiny policy from nothing on dialogues that it makes up itself.
public final class Pretraining implements AutoCloseable {
  /// The tiny policy's sizes: under one million parameters.
  public static final ModelConfig TINY =
      ModelConfig.llama(512, 128, 384, 4, 4, 2, 32, 1024, 1e-5, 10_000, true);

  private static final double LEARNING_RATE = 2e-3;
  private static final int WARM_UP = 50;
  private static final int BATCH = 32;

  private final Dialogues dialogues;
  private final Learner learner;
  private final int steps;
  private int step;

  /// @param format with the tokenizer that the policy will have
  /// @param encode text to ids, special tokens recognised
  public Pretraining(ChatFormat format, Function<String, Tokens> encode, int steps, long seed) {
    this.dialogues = new Dialogues(format, encode, seed);
    this.steps = steps;
    Model model = new Model(TINY, Precision.F32);
    this.learner =
        new Learner(
            model,
            model.create(initial(TINY, seed)),
            new AdamW.Settings(LEARNING_RATE, 0.05, 1),
            false,
            1);
  }

  /// Normal values, narrower where a layer adds to the residual stream.
  private static Map<String, FloatTensor> initial(ModelConfig config, long seed) {
    var random = new SplittableRandom(seed);
    var values = new LinkedHashMap<String, FloatTensor>();
    for (String name : config.parameterNames()) {
      List<Long> shape = config.shape(name);
      int size = Math.toIntExact(shape.stream().reduce(1L, (x, y) -> x * y));
      boolean residual = name.contains("o_proj") || name.contains("down_proj");
      double deviation =
          residual ? 0.02 / Math.sqrt(2.0 * config.layers()) : name.contains("embed") ? 0.05 : 0.06;
      float[] data = new float[size];
      for (int i = 0; i < size; i++)
        data[i] = (float) (shape.size() == 1 ? 1 : deviation * random.nextGaussian());
      values.put(name, new FloatTensor(shape, data));
    }
    return values;
  }

  /// One step; returns the mean negative log-likelihood before it.
  public double step() {
    var batch = new TokenBatch(IntStream.range(0, BATCH).mapToObj(_ -> dialogues.next()).toList());
    double progress = (double) step / steps;
    double warm = Math.min(1, (step + 1.0) / WARM_UP);
    step++;
    double rate = warm * (0.05 + 0.95 * 0.5 * (1 + Math.cos(Math.PI * progress)));
    return learner.step(List.of(batch), Pretraining::likelihood, rate).loss();
  }

  /// Mean negative log-likelihood.
  static Learner.Pull likelihood(int batch, Learner.Outputs outputs) {
    float[] logprobs = outputs.logprobs();
    float[] slopes = new float[logprobs.length];
    Arrays.fill(slopes, -1f / logprobs.length);
    double sum = IntStream.range(0, logprobs.length).mapToDouble(i -> logprobs[i]).sum();
    return new Learner.Pull(-sum / logprobs.length, slopes, Optional.empty());
  }

  /// The model's `config.json` as transformers reads it.
  public static String configJson(int endOfTurn, int padding) {
    return """
    {
      "architectures": ["LlamaForCausalLM"],
      "model_type": "llama",
      "vocab_size": %d,
      "hidden_size": %d,
      "intermediate_size": %d,
      "num_hidden_layers": %d,
      "num_attention_heads": %d,
      "num_key_value_heads": %d,
      "head_dim": %d,
      "max_position_embeddings": %d,
      "rms_norm_eps": %s,
      "rope_theta": %s,
      "hidden_act": "silu",
      "attention_bias": false,
      "mlp_bias": false,
      "tie_word_embeddings": %b,
      "torch_dtype": "bfloat16",
      "bos_token_id": null,
      "eos_token_id": %d,
      "pad_token_id": %d
    }
    """
        .formatted(
            TINY.vocabulary(),
            TINY.hidden(),
            TINY.intermediate(),
            TINY.layers(),
            TINY.heads(),
            TINY.kvHeads(),
            TINY.headDim(),
            TINY.contextLength(),
            TINY.normEps(),
            TINY.ropes().getFirst().theta(),
            TINY.tied(),
            endOfTurn,
            padding);
  }

  public Map<String, FloatTensor> weights() {
    return learner.weights();
  }

  @Override
  public void close() {
    learner.close();
  }
}
