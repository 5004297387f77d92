package dev.turnstone.server;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.PausablePolicy;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;

/// A policy that says what a test told it to, byte by byte, and then id 0, its stop token.
public final class ScriptedPolicy implements TrainablePolicy, PausablePolicy {
  static final int STOP = 0;

  /// Conversations that it was told will not go on.
  public final List<String> over = new CopyOnWriteArrayList<>();

  public final List<Request> requests = new ArrayList<>();
  public final CountDownLatch silent = new CountDownLatch(1);
  public final CountDownLatch go = new CountDownLatch(1);
  public final CountDownLatch aborted = new CountDownLatch(1);

  private final BlockingQueue<Line> script = new LinkedBlockingQueue<>();

  /// How it was told to stand still, while it does.
  public volatile Optional<WeightsUpdate.Pause> paused = Optional.empty();

  /// Whether running requests hold cached prompts.
  public volatile boolean held;

  /// How often it was told to forget.
  public final AtomicInteger forgotten = new AtomicInteger();

  private final int contextLength;
  private volatile WeightsId weights = new WeightsId("base", 0, "0".repeat(64));

  public ScriptedPolicy(int contextLength) {
    this.contextLength = contextLength;
  }

  private sealed interface Line {
    record Say(String text) implements Line {}

    /// Waits for `go` and then says it.
    record Wait(String text) implements Line {}

    record Fail(String why) implements Line {}

    /// As an engine elsewhere that takes other requests.
    record Refuse(String why) implements Line {}

    /// Says something and then nothing until it is interrupted.
    record Hang(String text) implements Line {}
  }

  @Override
  public void forget(String conversation) {
    over.add(conversation);
  }

  public ScriptedPolicy says(String text) {
    script.add(new Line.Say(text));
    return this;
  }

  public ScriptedPolicy waitsBefore(String text) {
    script.add(new Line.Wait(text));
    return this;
  }

  public ScriptedPolicy fails(String why) {
    script.add(new Line.Fail(why));
    return this;
  }

  public ScriptedPolicy refuses(String why) {
    script.add(new Line.Refuse(why));
    return this;
  }

  public ScriptedPolicy hangsAfter(String text) {
    script.add(new Line.Hang(text));
    return this;
  }

  @Override
  public Generation generate(Request request, TokenListener listener)
      throws InterruptedException, PolicyException {
    synchronized (requests) {
      requests.add(request);
    }
    Line line = script.poll();
    return switch (line == null ? new Line.Say("") : line) {
      case Line.Fail(String why) -> throw new PolicyException(why);
      case Line.Refuse(String why) -> throw new IllegalArgumentException(why);
      case Line.Say(String text) -> say(request, listener, text);
      case Line.Wait(String text) -> {
        silent.countDown();
        go.await();
        yield say(request, listener, text);
      }
      case Line.Hang(String text) -> {
        say(request, listener, text);
        silent.countDown();
        try {
          new CountDownLatch(1).await();
        } catch (InterruptedException e) {
          aborted.countDown();
          throw e;
        }
        throw new AssertionError();
      }
    };
  }

  private Generation say(Request request, TokenListener listener, String text)
      throws InterruptedException {
    int[] ids = new int[Math.min(request.maxTokens(), Bytes.ids(text).length + 1)];
    System.arraycopy(Bytes.ids(text), 0, ids, 0, Math.min(ids.length, Bytes.ids(text).length));
    float[] logprobs = new float[ids.length];
    for (int i = 0; i < ids.length; i++) {
      if (Thread.interrupted()) throw new InterruptedException();
      logprobs[i] = -0.5f - i;
      listener.sampled(ids[i], logprobs[i], weights.version(), top(request.topLogprobs(), ids[i]));
      if (request.stopIds().contains(ids[i]) && i + 1 < ids.length) {
        ids = java.util.Arrays.copyOf(ids, i + 1);
        logprobs = java.util.Arrays.copyOf(logprobs, i + 1);
      }
    }
    boolean stopped = ids.length > 0 && request.stopIds().contains(ids[ids.length - 1]);
    return new Generation(
        Tokens.of(ids),
        Logprobs.of(logprobs),
        RunLength.of(ids.length, weights.version()),
        weights.lineage(),
        stopped ? FinishReason.STOP : FinishReason.LENGTH,
        3,
        false,
        false,
        List.of(),
        request.promptLogprobs().isPresent()
            ? Optional.of(scores(request.prompt(), request.promptLogprobs().getAsInt()))
            : Optional.empty());
  }

  /// The id itself is second, after the id above it.
  private static TopLogprobs top(int count, int id) {
    if (count == 0) return TopLogprobs.NONE;
    Tokens ids = Tokens.of(id + 1, id).slice(0, Math.min(2, count));
    return new TopLogprobs(ids, Logprobs.of(-0.25f, -0.5f).slice(0, ids.size()), 2);
  }

  private static PromptLogprobs scores(Tokens prompt, int count) {
    float[] logprobs = new float[prompt.size()];
    List<TopLogprobs> tops = new ArrayList<>(List.of(TopLogprobs.NONE));
    for (int i = 1; i < logprobs.length; i++) {
      logprobs[i] = -i;
      tops.add(top(count, prompt.get(i)));
    }
    return new PromptLogprobs(Logprobs.of(logprobs), tops);
  }

  @Override
  public void pause(WeightsUpdate.Pause mode) {
    paused = Optional.of(mode);
  }

  @Override
  public void resume() {
    paused = Optional.empty();
  }

  @Override
  public boolean paused() {
    return paused.isPresent();
  }

  @Override
  public boolean forgetPrefixes(boolean restartRunning) {
    forgotten.incrementAndGet();
    return restartRunning || !held;
  }

  @Override
  public Applied apply(WeightsUpdate update) {
    weights = update.id();
    return new Applied(update.id(), 7, 2);
  }

  @Override
  public int contextLength() {
    return contextLength;
  }

  @Override
  public WeightsId weights() {
    return weights;
  }
}
