package dev.turnstone.bench;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCallParser;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/// A policy that answers at once with thousands of random ids: whatever the feed is measured with
/// must cost less than the feed.
final class FeedLoadPolicy implements TrainablePolicy, ChatFormat, ToolCallParser {
  static final int VOCABULARY = 151_936;
  private static final int PROMPT = 64;
  private static final int STOP = 0;
  private static final int KINDS = 64;

  private final Generation[] generations = new Generation[KINDS];
  private final WeightsId weights = new WeightsId("bench", 0, "0".repeat(64));
  private int next;

  /// @param tokens of each row
  FeedLoadPolicy(int tokens) {
    SplittableRandom random = new SplittableRandom(7);
    for (int kind = 0; kind < KINDS; kind++) {
      int[] ids = new int[tokens - PROMPT];
      float[] logprobs = new float[ids.length];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = 1 + random.nextInt(VOCABULARY - 1);
        logprobs[i] = -(float) random.nextDouble();
      }
      ids[ids.length - 1] = STOP;
      generations[kind] =
          new Generation(
              Tokens.of(ids),
              Logprobs.of(logprobs),
              RunLength.of(ids.length, 0),
              weights.lineage(),
              Generation.FinishReason.STOP,
              0,
              false);
    }
  }

  @Override
  public synchronized Generation generate(Request request, TokenListener listener) {
    return generations[next++ % KINDS];
  }

  @Override
  public int contextLength() {
    return 1 << 17;
  }

  @Override
  public WeightsId weights() {
    return weights;
  }

  @Override
  public Applied apply(WeightsUpdate update) throws WeightsRejected {
    throw new WeightsRejected("this policy keeps its weights");
  }

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
    int[] ids = new int[PROMPT];
    Arrays.fill(ids, 7);
    return Tokens.of(ids);
  }

  @Override
  public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
    throw new UnsupportedOperationException("every rollout is one turn");
  }

  @Override
  public String text(Tokens generated) {
    return "an answer";
  }

  @Override
  public Set<Integer> stopIds() {
    return Set.of(STOP);
  }

  @Override
  public Parsed parse(Turn turn) {
    return new Parsed.Answer("an answer");
  }
}
