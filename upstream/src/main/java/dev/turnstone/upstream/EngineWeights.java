package dev.turnstone.upstream;

import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import dev.turnstone.upstream.wire.EngineHttp;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Brings one engine weights. Other servers may share the engine, so what it calls its weights is
/// read before anything is loaded and again before it is believed to serve them: weights that are
/// there already are not loaded again, and newer ones are not replaced by older ones.
final class EngineWeights {
  private static final Logger LOG = LoggerFactory.getLogger(EngineWeights.class);
  private static final String ADAPTER = "turnstone-";

  private final UpstreamEngine engine;
  private final EngineControl control;
  private String claimed = "";

  EngineWeights(EngineHttp http, UpstreamEngine engine) {
    this.engine = engine;
    control = new EngineControl(http, engine.spec());
  }

  /// Says that this server is about to bring the engine weights. What runs there must be ours no
  /// longer; what other servers have there is still sampled by the old weights, until the pause
  /// ends it.
  ///
  /// @throws EngineFault with kind AHEAD if another server has brought it newer ones
  void claim(WeightsId id) throws EngineFault, InterruptedException {
    if (engine.spec().weights() != WeightsBy.DISK) return;
    String theirs = control.label();
    WeightsLabel ours = WeightsLabel.of(id);
    if (theirs.equals(ours.toString())) return;
    checkNotAhead(theirs, id);
    claimed = ours.loading(now());
    control.label(claimed);
  }

  /// Makes the engine have the weights of an update.
  ///
  /// @return what it serves then, under a name that is not final: see [#confirm]
  Admitted bring(Admitted admitted, WeightsUpdate update) throws EngineFault, InterruptedException {
    return switch (engine.spec().weights()) {
      case DISK -> disk(admitted, update);
      case LORA -> adapter(admitted, update);
      case EXTERNAL -> external(admitted, update);
    };
  }

  private Admitted disk(Admitted admitted, WeightsUpdate update)
      throws EngineFault, InterruptedException {
    if (claimed.isEmpty()) claim(update.id());
    if (!claimed.isEmpty()) control.load(update, claimed);
    String theirs = control.label();
    boolean ours = theirs.equals(claimed) || theirs.equals(WeightsLabel.of(update.id()).toString());
    if (!ours && WeightsLabel.written(theirs))
      throw EngineFault.broken(
          "its weights are called %s: another server brings it weights as well".formatted(theirs));
    return admitted.calling(theirs);
  }

  private Admitted adapter(Admitted admitted, WeightsUpdate update)
      throws EngineFault, InterruptedException {
    String name = ADAPTER + update.id().lineage() + "-" + update.id().version();
    if (admitted.model().equals(name)) return admitted;
    control.adapter(update, name);
    if (admitted.model().startsWith(ADAPTER)) control.dropAdapter(admitted.model());
    return new Admitted(admitted.wire(), name, admitted.contextLength(), admitted.label());
  }

  private Admitted external(Admitted admitted, WeightsUpdate update)
      throws EngineFault, InterruptedException {
    String theirs = control.label();
    String ours = WeightsLabel.of(update.id()).toString();
    if (!theirs.isEmpty() && !theirs.equals(ours))
      throw EngineFault.broken(
          "its weights are %s, and only the trainer can give it %s".formatted(theirs, ours));
    return admitted.calling(theirs);
  }

  /// The trainer has just given the engine these weights.
  void given(WeightsId id) throws EngineFault, InterruptedException {
    control.label(WeightsLabel.of(id).toString());
  }

  /// Gives weights that were verified their name, unless another server has brought it others
  /// meanwhile.
  Admitted confirm(Admitted brought, WeightsId id) throws EngineFault, InterruptedException {
    String theirs = control.label();
    if (!theirs.equals(brought.label()))
      throw EngineFault.broken(
          "its weights are called %s, but were %s a moment ago: another server brings it weights"
              .formatted(theirs, brought.label()));
    boolean loaded = theirs.startsWith("loading/");
    if (!loaded) return brought;
    control.label(WeightsLabel.of(id).toString());
    return brought.calling(control.label());
  }

  /// Says that nobody may use the weights as they are, if this server has touched them and no other
  /// has named them since.
  void disown() throws InterruptedException {
    if (claimed.isEmpty()) return;
    try {
      if (control.label().equals(claimed)) control.label(WeightsLabel.NONE);
    } catch (EngineFault e) {
      LOG.warn("engine {} cannot be told to name its weights: {}", engine.name(), e.why());
    }
  }

  /// @throws EngineFault if another server has brought it newer weights, or is bringing them
  static void checkNotAhead(String theirs, WeightsId ours) throws EngineFault {
    if (WeightsLabel.underWay(theirs, now()))
      throw new EngineFault(Kind.BUSY, "another server is bringing it weights: " + theirs);
    if (WeightsLabel.parse(theirs).filter(label -> label.newerThan(ours)).isPresent())
      throw new EngineFault(
          Kind.AHEAD,
          "another server has brought it %s, and this one serves %s"
              .formatted(theirs, WeightsLabel.of(ours)));
  }

  static long now() {
    return System.currentTimeMillis() / 1000;
  }
}
