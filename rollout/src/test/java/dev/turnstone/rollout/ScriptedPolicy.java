package dev.turnstone.rollout;

import dev.turnstone.rollout.Generation.FinishReason;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/// A policy that says what a script tells it, and remembers what it was asked.
final class ScriptedPolicy implements Policy {
  static final float LOGPROB = -0.5f;

  private final List<Request> requests = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger version = new AtomicInteger();
  private final Script script;

  ScriptedPolicy(Script script) {
    this.script = script;
  }

  /// What to answer to the turn-th request, counted from 0.
  @FunctionalInterface
  interface Script {
    Generation answer(int turn, Request request) throws InterruptedException, PolicyException;
  }

  /// Says one text per turn, each ended by the stop id.
  static ScriptedPolicy saying(String... texts) {
    return new ScriptedPolicy((turn, _) -> stopped(texts[turn], 0));
  }

  static Generation stopped(String text, int version) {
    return generation(
        ByteChatFormat.ids(text).plus(Tokens.of(ByteChatFormat.END)), version, FinishReason.STOP);
  }

  /// A text that ran into its bound.
  static Generation cut(String text) {
    return generation(ByteChatFormat.ids(text), 0, FinishReason.LENGTH);
  }

  static Generation generation(Tokens ids, int version, FinishReason finish) {
    float[] logprobs = new float[ids.size()];
    Arrays.fill(logprobs, LOGPROB);
    return new Generation(
        ids, Logprobs.of(logprobs), RunLength.of(ids.size(), version), "test", finish, 0, false);
  }

  @Override
  public Generation generate(Request request, TokenListener listener)
      throws InterruptedException, PolicyException {
    int turn;
    synchronized (requests) {
      turn = requests.size();
      requests.add(request);
    }
    return script.answer(turn, request);
  }

  @Override
  public int contextLength() {
    return 4096;
  }

  @Override
  public WeightsId weights() {
    return new WeightsId("test", version.get(), "");
  }

  List<Request> requests() {
    return List.copyOf(requests);
  }
}
