package dev.turnstone.engine;

import dev.turnstone.engine.grammar.Guide;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.PausablePolicy;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A policy that runs in this process: hands requests to the engine thread and waits for them.
///
/// Callers block, each on its own virtual thread; [EngineThread] owns everything else.
public final class Engine implements TrainablePolicy, PausablePolicy, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Engine.class);
  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(30);

  /// A pause may wait for generations to end.
  private static final Duration PAUSE_PATIENCE = Duration.ofMinutes(30);

  private final Model model;
  private final ForwardPass forward;
  private final EngineInbox inbox;
  private final EngineThread thread;
  private final TokenMasks masks;
  private final ReentrantLock updating = new ReentrantLock();

  /// Held while weights are read and packed, and to close what they are packed for.
  private final ReentrantLock preparing = new ReentrantLock();

  private boolean closed;

  private Engine(
      Model model, ForwardPass forward, EngineInbox inbox, EngineThread thread, TokenMasks masks) {
    this.model = model;
    this.forward = forward;
    this.inbox = inbox;
    this.thread = thread;
    this.masks = masks;
  }

  /// Loads a model folder and starts the engine thread.
  ///
  /// @param id names the folder's weights until the first update
  /// @throws ModelException if the folder cannot be used
  public static Engine load(Path folder, WeightsId id, EngineConfig config) throws ModelException {
    ComputeDevice.check();
    ModelConfig sizes = ModelConfig.read(folder);
    Model model = new Model(sizes, config.precision());
    try {
      ForwardPass forward = forward(model, config);
      ForwardPass.Weights weights = firstWeights(forward, model, folder);
      var inbox = new EngineInbox(config.seed(), EngineConfig.MOST_REQUESTS);
      var thread = EngineThread.start(inbox, sizes, forward, weights, id, config);
      return new Engine(model, forward, inbox, thread, new TokenMasks());
    } catch (ModelException | RuntimeException e) {
      model.close();
      throw e;
    }
  }

  private static ForwardPass.Weights firstWeights(ForwardPass forward, Model model, Path folder)
      throws ModelException {
    try {
      return forward.prepare(model.loadFixed(folder));
    } catch (ModelException | RuntimeException | Error e) {
      forward.close();
      throw e;
    }
  }

  private static ForwardPass forward(Model model, EngineConfig config) throws ModelException {
    ForwardPassOffer offer =
        ServiceLoader.load(ForwardPassOffer.class, Engine.class.getClassLoader())
            .findFirst()
            .orElseThrow(() -> new IllegalStateException("no forward pass for CPUs is there"));
    String obstacle =
        config.forward() == EngineConfig.Forward.TORCHSCRIPT
            ? "it was asked for"
            : ComputeDevice.chosen().isGpu()
                ? "lanes do not run on a GPU"
                : offer.obstacle(model.config());
    if (!obstacle.isEmpty() && config.deterministic())
      throw new ModelException("no deterministic mode for this model: " + obstacle);
    try {
      if (obstacle.isEmpty()) return offer.open(model.config(), config);
      LOG.info("the TorchScript forward pass runs: {}", obstacle);
      return new TorchForward(model, new KvCache(model, config.kvBytes()));
    } catch (IllegalArgumentException e) {
      throw new ModelException(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public Generation generate(Request request, TokenListener listener)
      throws InterruptedException, PolicyException {
    check(request);
    Optional<Guide> guide = request.constraint().map(masks::guide);
    Sequence sequence = inbox.submit(request, listener, guide);
    try {
      long patience = request.timeout().plus(CLOSE_PATIENCE).toMillis();
      return sequence.result.get(patience, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      inbox.abort(sequence);
      throw new PolicyException("the engine did not answer in " + request.timeout(), e);
    } catch (InterruptedException e) {
      inbox.abort(sequence);
      throw e;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof PolicyException why) throw why;
      throw new PolicyException("the engine failed: " + e.getMessage(), e);
    }
  }

  @Override
  public void check(Request request) {
    for (int i = 0; i < request.prompt().size(); i++)
      checkId("token id %d at %d".formatted(request.prompt().get(i), i), request.prompt().get(i));
    request.sampling().logitBias().keySet().forEach(id -> checkId("logit_bias of id " + id, id));
    request.sampling().allowedIds().forEach(id -> checkId("allowed_token_ids with " + id, id));
    for (Tokens word : request.sampling().badWords()) checkIds("bad_words with ", word);
    checkIds("logprob_token_ids with ", request.logprobIds());
    if (request.prompt().size() + Math.min(1, request.maxTokens()) > contextLength())
      throw new IllegalArgumentException(
          "a prompt of %d tokens leaves no room in a context of %d"
              .formatted(request.prompt().size(), contextLength()));
    request.constraint().ifPresent(masks::check);
  }

  @Override
  public void forget(String conversation) {
    inbox.endConversation(conversation);
  }

  private void checkIds(String what, Tokens ids) {
    for (int id : ids.toArray()) checkId(what + id, id);
  }

  private void checkId(String what, int id) {
    int vocabulary = model.config().vocabulary();
    if (id < 0 || id >= vocabulary)
      throw new IllegalArgumentException("%s is not in [0, %d)".formatted(what, vocabulary));
  }

  @Override
  public Applied apply(WeightsUpdate update) throws WeightsRejected, InterruptedException {
    return apply(update, () -> {});
  }

  @Override
  public Applied apply(WeightsUpdate update, Verdict verdict)
      throws WeightsRejected, InterruptedException {
    updating.lockInterruptibly();
    try {
      long started = System.nanoTime();
      ForwardPass.Weights next = prepare(update.folder(), verdict);
      await(verdict, next);
      long loaded = System.nanoTime();
      CompletableFuture<Long> pausedNanos = inbox.replace(next, update);
      long pause = pausedNanos.get();
      return new Applied(
          update.id(),
          TimeUnit.NANOSECONDS.toMillis(loaded - started),
          TimeUnit.NANOSECONDS.toMillis(pause));
    } catch (ExecutionException e) {
      if (e.getCause() instanceof WeightsRejected why) throw why;
      throw new WeightsRejected("the weights were not applied: " + e.getMessage());
    } finally {
      updating.unlock();
    }
  }

  private ForwardPass.Weights prepare(Path folder, Verdict verdict)
      throws WeightsRejected, InterruptedException {
    preparing.lockInterruptibly();
    try {
      if (closed) throw new WeightsRejected("the engine is closed");
      return forward.prepare(model.loadFixed(folder));
    } catch (ModelException e) {
      // What the files are said to be is the better reason, if it is not true.
      verdict.await();
      throw new WeightsRejected(String.valueOf(e.getMessage()));
    } finally {
      preparing.unlock();
    }
  }

  private static void await(Verdict verdict, ForwardPass.Weights next)
      throws WeightsRejected, InterruptedException {
    boolean good = false;
    try {
      verdict.await();
      good = true;
    } finally {
      if (!good) next.close();
    }
  }

  @Override
  public void pause(WeightsUpdate.Pause mode) throws InterruptedException {
    await(inbox.pause(mode), PAUSE_PATIENCE);
  }

  @Override
  public void resume() throws InterruptedException {
    await(inbox.resume(), CLOSE_PATIENCE);
  }

  @Override
  public boolean paused() {
    return thread.paused();
  }

  @Override
  public boolean forgetPrefixes(boolean restartRunning) throws InterruptedException {
    return await(inbox.forgetPrefixes(restartRunning), CLOSE_PATIENCE);
  }

  private static <T> T await(CompletableFuture<T> answer, Duration patience)
      throws InterruptedException {
    try {
      return answer.get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("the engine did not answer", e);
    }
  }

  @Override
  public int contextLength() {
    return model.config().contextLength();
  }

  @Override
  public WeightsId weights() {
    return thread.weights();
  }

  public ModelConfig config() {
    return model.config();
  }

  /// A snapshot from between two steps.
  public EngineStats stats() {
    return thread.stats();
  }

  /// Says what text ids stand for, without which no constraint can be kept.
  ///
  /// @param bytes of each id, as [dev.turnstone.engine.grammar.TokenTrie] takes them
  public void tokens(byte[][] bytes) {
    masks.tokens(bytes);
  }

  /// Asks the engine thread to check that every KV block is accounted for.
  void checkIntegrity() throws InterruptedException {
    try {
      inbox.checkIntegrity().get(CLOSE_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException(e);
    }
  }

  /// Ends running generations as failed and frees the native memory.
  @Override
  public void close() {
    preparing.lock();
    try {
      boolean ended = thread.close(CLOSE_PATIENCE);
      if (ended && !closed) model.close();
      closed = true;
    } finally {
      preparing.unlock();
    }
    masks.close();
  }
}
