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
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/// A policy that runs in this process: hands requests to the engine thread and waits for them.
///
/// Callers block, each on its own virtual thread; [EngineThread] owns everything else.
public final class Engine implements TrainablePolicy, PausablePolicy, AutoCloseable {
  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(30);

  /// A pause may wait for generations to end.
  private static final Duration PAUSE_PATIENCE = Duration.ofMinutes(30);

  private final Model model;
  private final EngineInbox inbox;
  private final EngineThread thread;
  private final TokenMasks masks;
  private final WeightUpdates updates;

  private Engine(
      Model model,
      EngineInbox inbox,
      EngineThread thread,
      TokenMasks masks,
      WeightUpdates updates) {
    this.model = model;
    this.inbox = inbox;
    this.thread = thread;
    this.masks = masks;
    this.updates = updates;
  }

  /// Loads a model folder and starts the engine thread.
  ///
  /// @param id names the folder's weights until the first update
  /// @throws ModelException if the folder cannot be used
  public static Engine load(Path folder, WeightsId id, EngineConfig config) throws ModelException {
    try {
      return load(folder, () -> id, config);
    } catch (InterruptedException e) {
      throw new IllegalStateException("nothing waits here", e);
    }
  }

  /// The name of a folder's weights, which may still be worked out while they are read.
  @FunctionalInterface
  public interface Naming {
    WeightsId get() throws ModelException, InterruptedException;
  }

  /// The same for a name that is asked for once the weights are loaded.
  public static Engine load(Path folder, Naming id, EngineConfig config)
      throws ModelException, InterruptedException {
    ComputeDevice.check();
    ModelConfig sizes = ModelConfig.read(folder);
    var opened = new ArrayDeque<Runnable>();
    try {
      Model model = new Model(sizes, config.precision());
      opened.push(model::close);
      ForwardPass forward = ForwardPasses.open(model, config);
      opened.push(forward::close);
      ForwardPass.Weights weights = model.loadFor(forward, folder);
      opened.push(weights::close);
      var masks = new TokenMasks();
      opened.push(masks::close);
      var inbox = new EngineInbox(config.seed(), EngineConfig.MOST_REQUESTS);
      var updates = new WeightUpdates(model, forward, inbox);
      // Last of all: once it runs, the thread owns what was opened for it.
      var thread = EngineThread.start(inbox, sizes, forward, weights, id.get(), config);
      return new Engine(model, inbox, thread, masks, updates);
    } catch (ModelException | InterruptedException | RuntimeException | Error e) {
      opened.forEach(Runnable::run);
      throw e;
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
    return updates.apply(update, verdict);
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
  /// @param bytes of each id, as [dev.turnstone.engine.grammar.TokenTrie] takes them; asked for
  ///   when the first constraint comes
  public void tokens(Supplier<byte[][]> bytes) {
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
    updates.close(() -> thread.close(CLOSE_PATIENCE));
    masks.close();
  }
}
