package dev.turnstone.upstream;

import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineHttp;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// One update of several engines, step by step, while they stand still. An engine that fails at a
/// step takes no further one.
final class FleetUpdate {
  private final EngineHttp http;
  private final TokenSpace space;
  private final WeightsUpdate update;
  private final String salt;
  private final List<UpstreamEngine> engines;
  private final Map<UpstreamEngine, EngineWeights> each = new ConcurrentHashMap<>();
  private final Map<UpstreamEngine, String> failed = new ConcurrentHashMap<>();
  private final Map<UpstreamEngine, Admitted> brought = new ConcurrentHashMap<>();
  private final Map<UpstreamEngine, Fingerprint> after = new ConcurrentHashMap<>();

  /// An update that has not begun.
  ///
  /// @param salt of the new weights
  FleetUpdate(
      EngineHttp http,
      TokenSpace space,
      WeightsUpdate update,
      String salt,
      List<UpstreamEngine> engines) {
    this.http = http;
    this.space = space;
    this.update = update;
    this.salt = salt;
    this.engines = List.copyOf(engines);
    for (UpstreamEngine engine : engines) each.put(engine, new EngineWeights(http, engine));
  }

  List<UpstreamEngine> engines() {
    return engines;
  }

  /// Why engines failed, each in a sentence.
  Map<UpstreamEngine, String> failed() {
    return failed;
  }

  /// Tells what runs under which weights it really does, before it is cut.
  void look() throws InterruptedException {
    AllEngines.each(
        engines,
        failed,
        engine -> {
          // The trainer may have named its own already.
          if (engine.spec().weights() == WeightsBy.EXTERNAL) return;
          String theirs = new EngineControl(http, engine.spec()).label();
          // Whoever names what it is about to bring has not brought it yet.
          if (WeightsLabel.underWay(theirs, EngineWeights.now())) return;
          if (!theirs.equals(admitted(engine).label())) engine.found(theirs);
        });
  }

  /// Says whose update it is.
  void claim() throws InterruptedException {
    AllEngines.each(engines, failed, engine -> of(each, engine).claim(update.id()));
  }

  /// Each engine gets the weights and is asked what it answers under them.
  void load() throws InterruptedException {
    AllEngines.each(
        engines,
        failed,
        engine -> {
          EngineWeights weights = of(each, engine);
          if (engine.spec().weights() == WeightsBy.EXTERNAL) weights.given(update.id());
          Admitted ready = weights.bring(admitted(engine), update);
          brought.put(engine, ready);
          // One that stands still answers nothing. It goes on to be asked; nothing else is sent
          // yet.
          new EngineControl(http, engine.spec()).resume();
          Probe probe = new Probe(http, engine.spec(), ready.wire(), ready.model(), salt);
          after.put(engine, Fingerprint.of(probe, space));
          if (update.probe().isPresent())
            new TrainerProbe(new Scorer(http, engine.spec(), ready, salt))
                .check(update.probe().get());
        });
    after.keySet().removeAll(failed.keySet());
  }

  /// Engines that agree about the new weights serve them.
  ///
  /// @param before what engines answered under the old weights, as far as it is known
  /// @param otherBytes whether the new weights are known to differ from the old ones
  /// @return what each answers that serves now
  Map<UpstreamEngine, Fingerprint> finish(
      Map<UpstreamEngine, Fingerprint> before, boolean otherBytes) throws InterruptedException {
    Agreement.judge(before, after, failed, otherBytes);
    Map<UpstreamEngine, Admitted> confirmed = new ConcurrentHashMap<>();
    AllEngines.each(
        List.copyOf(after.keySet()),
        failed,
        engine ->
            confirmed.put(engine, of(each, engine).confirm(of(brought, engine), update.id())));
    Map<UpstreamEngine, Fingerprint> serving = new LinkedHashMap<>();
    for (UpstreamEngine engine : engines) {
      if (failed.containsKey(engine)) of(each, engine).disown();
      else if (engine.serveNow(of(confirmed, engine))) serving.put(engine, of(after, engine));
      else failed.put(engine, "it was ejected meanwhile");
    }
    return serving;
  }

  /// Takes back what was claimed, so that no engine waits for an update that nobody goes on with.
  void disown() throws InterruptedException {
    AllEngines.each(engines, new ConcurrentHashMap<>(), engine -> of(each, engine).disown());
  }

  private static Admitted admitted(UpstreamEngine engine) throws EngineFault {
    return engine.admitted().orElseThrow(() -> EngineFault.broken("it was ejected meanwhile"));
  }

  private static <T> T of(Map<UpstreamEngine, T> each, UpstreamEngine engine) {
    return Optional.ofNullable(each.get(engine)).orElseThrow();
  }
}
