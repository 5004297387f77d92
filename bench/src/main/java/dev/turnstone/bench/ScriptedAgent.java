package dev.turnstone.bench;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/// A policy that takes no time and calls `tool` in every turn, with its chat format and parser.
final class ScriptedAgent implements TrainablePolicy, ChatFormat, ToolCallParser {
  static final int VOCABULARY = 64;
  private static final WeightsId WEIGHTS = new WeightsId("base", 0, "0".repeat(64));
  private static final Tokens OBSERVED = Tokens.of(1, 2, 3, 4);
  private static final Tokens TURN = Tokens.of(5, 6, 7, 8, 9, 10, 11, 0);

  @Override
  public Generation generate(Request request, TokenListener listener) {
    float[] logprobs = new float[TURN.size()];
    Arrays.fill(logprobs, -0.5f);
    return new Generation(
        TURN,
        Logprobs.of(logprobs),
        RunLength.of(TURN.size(), WEIGHTS.version()),
        WEIGHTS.lineage(),
        Generation.FinishReason.STOP,
        0,
        false);
  }

  @Override
  public int contextLength() {
    return 1 << 16;
  }

  @Override
  public WeightsId weights() {
    return WEIGHTS;
  }

  @Override
  public Applied apply(WeightsUpdate update) {
    throw new IllegalStateException("nobody trains this policy");
  }

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
    return OBSERVED;
  }

  @Override
  public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
    return OBSERVED;
  }

  @Override
  public String text(Tokens generated) {
    return "call";
  }

  @Override
  public Set<Integer> stopIds() {
    return Set.of(0);
  }

  @Override
  public Parsed parse(Turn turn) {
    return new Parsed.Calls(
        "", List.of(new ToolCall("call-" + turn.number(), "tool", Json.EMPTY_OBJECT)));
  }
}
