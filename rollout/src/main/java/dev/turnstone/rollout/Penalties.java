package dev.turnstone.rollout;

/// What a token loses because it was written before, as vLLM and OpenAI define it. Applied to the
/// logits before the temperature: first repetition, then frequency and presence.
///
/// @param frequency subtracted once for every time the token was generated, in [-2, 2]
/// @param presence subtracted if the token was generated at all, in [-2, 2]
/// @param repetition divides a positive logit and multiplies a negative one if the token is in the
///   prompt or was generated, in [0.01, 100]; 1 changes nothing
public record Penalties(double frequency, double presence, double repetition) {
  public static final Penalties NONE = new Penalties(0, 0, 1);

  public Penalties {
    if (!(frequency >= -2 && frequency <= 2))
      throw new IllegalArgumentException("frequency_penalty is not in [-2, 2]: " + frequency);
    if (!(presence >= -2 && presence <= 2))
      throw new IllegalArgumentException("presence_penalty is not in [-2, 2]: " + presence);
    if (!(repetition >= 0.01 && repetition <= 100))
      throw new IllegalArgumentException("repetition_penalty is not in [0.01, 100]: " + repetition);
  }

  /// Whether any of them changes a logit.
  public boolean active() {
    return frequency != 0 || presence != 0 || repetition != 1;
  }
}
