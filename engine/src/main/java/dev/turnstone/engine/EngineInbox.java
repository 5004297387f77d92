package dev.turnstone.engine;

import dev.turnstone.engine.grammar.Guide;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.WeightsUpdate;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/// The callers' side of the engine thread: what they send, in order, each with a future for its
/// answer. Safe for many threads.
///
/// Requests are counted from their submission to their end, and beyond a bound none is taken; of
/// the other commands each caller has one at a time and waits for its answer.
final class EngineInbox {
  private final LinkedBlockingQueue<Command> commands = new LinkedBlockingQueue<>();
  private final AtomicInteger requests = new AtomicInteger();
  private final AtomicLong seeds = new AtomicLong();
  private final long seed;
  private final int mostRequests;
  private volatile boolean open = true;

  /// @param seed of the requests that bring none
  EngineInbox(long seed, int mostRequests) {
    this.seed = seed;
    this.mostRequests = mostRequests;
  }

  /// @throws PolicyException if the engine is closed or has too many requests already
  Sequence submit(Policy.Request request, Policy.TokenListener listener, Optional<Guide> guide)
      throws PolicyException {
    if (!open) throw new PolicyException("the engine is closed");
    if (requests.incrementAndGet() > mostRequests) {
      requests.decrementAndGet();
      throw new PolicyException(
          "the engine has %d requests already, which is all it takes".formatted(mostRequests));
    }
    long drawn = request.sampling().seed().orElseGet(this::nextSeed);
    long deadline = System.nanoTime() + request.timeout().toNanos();
    var sequence = new Sequence(request, listener, drawn, deadline, guide);
    var _ = sequence.result.whenComplete((_, _) -> requests.decrementAndGet());
    commands.add(new Command.Submit(sequence));
    // The thread may have ended in between and read its last command.
    if (!open) sequence.fail(new PolicyException("the engine is closed"));
    return sequence;
  }

  private long nextSeed() {
    return seed * 0x9E3779B97F4A7C15L + 0x632BE59BD9B4E019L * seeds.incrementAndGet();
  }

  void abort(Sequence sequence) {
    commands.add(new Command.Abort(sequence));
  }

  void endConversation(String conversation) {
    commands.add(new Command.EndConversation(conversation));
  }

  /// The command, whose future answers.
  Command.Replace replace(ForwardPass.Weights next, WeightsUpdate update) {
    var command =
        new Command.Replace(
            next, update, System.nanoTime(), new AtomicBoolean(), new CompletableFuture<>());
    ask(command, command.pauseNanos());
    return command;
  }

  CompletableFuture<Boolean> pause(WeightsUpdate.Pause mode) {
    return ask(still -> new Command.Pause(mode, still));
  }

  CompletableFuture<Boolean> resume() {
    return ask(Command.Resume::new);
  }

  CompletableFuture<Boolean> forgetPrefixes(boolean restartRunning) {
    return ask(done -> new Command.Forget(restartRunning, done));
  }

  CompletableFuture<Boolean> checkIntegrity() {
    return ask(Command.Check::new);
  }

  void close() {
    commands.add(new Command.Close());
  }

  private <T> CompletableFuture<T> ask(Function<CompletableFuture<T>, Command> question) {
    var answer = new CompletableFuture<T>();
    ask(question.apply(answer), answer);
    return answer;
  }

  private void ask(Command command, CompletableFuture<?> answer) {
    commands.add(command);
    // The thread may have ended in between and read its last command.
    if (!open && commands.remove(command)) {
      answer.completeExceptionally(new PolicyException("the engine is closed"));
      if (command instanceof Command.Replace replace) replace.weights().close();
    }
  }

  // From here on: the engine thread.

  /// The next command; empty if there is none, after a wait if asked.
  Optional<Command> take(boolean patiently) throws InterruptedException {
    Command next = patiently ? commands.poll(1, TimeUnit.SECONDS) : commands.poll();
    return Optional.ofNullable(next);
  }

  /// Takes no request from now on; what is in it already can still be taken.
  void shut() {
    open = false;
  }
}
