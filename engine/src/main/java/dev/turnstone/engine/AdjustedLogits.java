package dev.turnstone.engine;

import dev.turnstone.engine.grammar.Guide;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// A row of logits after mask, allowed ids, bad words, least length, bias and penalties, in vLLM's
/// order.
///
/// Scratch memory is reused from row to row: confined to one thread.
final class AdjustedLogits {
  private float[] values = new float[0];
  private int[] seen = new int[0];

  /// A copy of the row, adjusted; valid until the next call.
  MemorySegment of(MemorySegment row, Sequence sequence) {
    int vocabulary = (int) (row.byteSize() / Float.BYTES);
    if (values.length != vocabulary) {
      values = new float[vocabulary];
      seen = new int[vocabulary];
    }
    MemorySegment.copy(row, 0, MemorySegment.ofArray(values), 0, row.byteSize());
    Sampling sampling = sequence.request.sampling();
    allow(sampling);
    for (Tokens word : sampling.badWords()) if (completes(sequence, word)) forbid(word.last());
    boolean finished = sequence.guide.isPresent() && follow(row, sequence);
    if (sequence.generated() < sampling.minTokens() && !finished)
      for (int id : sequence.request.stopIds()) forbid(id);
    sampling.logitBias().forEach((id, bias) -> values[id] += (float) (double) bias);
    if (sampling.penalties().active()) penalise(sequence, sampling.penalties());
    return MemorySegment.ofArray(values);
  }

  private void allow(Sampling sampling) {
    if (sampling.allowedIds().isEmpty()) return;
    int[] ids = sampling.allowedIds().stream().mapToInt(Integer::intValue).toArray();
    float[] kept = new float[ids.length];
    for (int i = 0; i < ids.length; i++) kept[i] = values[ids[i]];
    Arrays.fill(values, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < ids.length; i++) values[ids[i]] = kept[i];
  }

  /// Leaves only what the constraint allows; stop ids, which are no text, where the text may end.
  ///
  /// @return whether the text must end, so that a least length has nothing left to ask for
  private boolean follow(MemorySegment row, Sequence sequence) {
    Guide.Mask mask = sequence.guide.orElseThrow().mask();
    mask.ids().forbid(values, Float.NEGATIVE_INFINITY);
    for (int id : sequence.request.stopIds()) {
      if (id < 0 || id >= values.length) continue;
      values[id] = mask.complete() ? LogitRows.at(row, id) : Float.NEGATIVE_INFINITY;
    }
    return mask.finished();
  }

  /// Whether all of a word but its last id has just been generated.
  private static boolean completes(Sequence sequence, Tokens word) {
    int before = word.size() - 1;
    if (sequence.generated() < before) return false;
    for (int i = 0; i < before; i++)
      if (sequence.token(sequence.length() - before + i) != word.get(i)) return false;
    return true;
  }

  private void forbid(int id) {
    if (id >= 0 && id < values.length) values[id] = Float.NEGATIVE_INFINITY;
  }

  private void penalise(Sequence sequence, Penalties penalties) {
    int prompt = sequence.length() - sequence.generated();
    for (int i = prompt; i < sequence.length(); i++) seen[sequence.token(i)]++;
    for (int i = prompt; i < sequence.length(); i++) {
      int id = sequence.token(i);
      if (seen[id] == 0) continue;
      repeat(id, penalties.repetition());
      values[id] -= (float) (penalties.frequency() * seen[id] + penalties.presence());
      seen[id] = 0;
    }
    if (penalties.repetition() != 1) penalisePrompt(sequence, prompt, penalties.repetition());
  }

  /// Prompt ids that were not generated: those that were have their penalty already.
  private void penalisePrompt(Sequence sequence, int prompt, double repetition) {
    for (int i = prompt; i < sequence.length(); i++) seen[sequence.token(i)] = 1;
    for (int i = 0; i < prompt; i++) {
      int id = sequence.token(i);
      if (seen[id]++ == 0) repeat(id, repetition);
    }
    for (int i = 0; i < sequence.length(); i++) seen[sequence.token(i)] = 0;
  }

  private void repeat(int id, double penalty) {
    values[id] = (float) (values[id] > 0 ? values[id] / penalty : values[id] * penalty);
  }
}
