package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;

/// Says what its script says, under whatever weights it was given last.
public final class ScriptedPolicy implements TrainablePolicy {
  static final WeightsId BASE = new WeightsId("base", 0, "0".repeat(64));
  static final int VOCABULARY = 0x8000;

  private final AtomicReference<WeightsId> weights = new AtomicReference<>(BASE);
  private final List<WeightsUpdate> updates = new CopyOnWriteArrayList<>();
  private volatile Script script = request -> "42";
  private volatile Judge judge = update -> {};
  private volatile float logprob = -0.5f;

  /// What the policy says to a prompt; may block like a busy engine.
  public interface Script {
    String say(Request request) throws InterruptedException, PolicyException;
  }

  public void script(Script next) {
    script = next;
  }

  void logprob(float next) {
    logprob = next;
  }

  public List<WeightsUpdate> updates() {
    return new ArrayList<>(updates);
  }

  @Override
  public Generation generate(Request request, TokenListener listener)
      throws InterruptedException, PolicyException {
    WeightsId sampledBy = weights.get();
    Tokens ids = PlainFormat.encode(script.say(request)).plus(Tokens.of(PlainFormat.STOP));
    float[] logprobs = new float[ids.size()];
    Arrays.fill(logprobs, logprob);
    return new Generation(
        ids,
        Logprobs.of(logprobs),
        RunLength.of(ids.size(), sampledBy.version()),
        sampledBy.lineage(),
        FinishReason.STOP,
        0,
        false);
  }

  @Override
  public int contextLength() {
    return 4096;
  }

  @Override
  public WeightsId weights() {
    return weights.get();
  }

  /// What becomes of an update before it is applied.
  public interface Judge {
    void judge(WeightsUpdate update) throws WeightsRejected;
  }

  public void judge(Judge next) {
    judge = next;
  }

  @Override
  public Applied apply(WeightsUpdate update) throws WeightsRejected {
    judge.judge(update);
    updates.add(update);
    weights.set(update.id());
    return new Applied(update.id(), 1, 1);
  }
}
