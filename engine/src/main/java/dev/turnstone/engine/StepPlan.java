package dev.turnstone.engine;

import java.util.ArrayList;
import java.util.List;

/// A step laid out for the forward pass, and whose logits its rows are.
///
/// @param places one per wanted row
record StepPlan(StepBatch batch, List<Place> places) {
  /// A token whose logits are wanted: they say what may stand at `position + 1`.
  record Place(Sequence sequence, int position) {}

  /// Lays out what is scheduled: sequences that decode one token first, then chunks of prompts.
  static StepPlan of(List<Sequence> scheduled) {
    var order = new ArrayList<Sequence>(scheduled.size());
    for (Sequence sequence : scheduled) if (sequence.scheduled == 1) order.add(sequence);
    for (Sequence sequence : scheduled) if (sequence.scheduled > 1) order.add(sequence);
    int rows = order.stream().mapToInt(sequence -> sequence.scheduled).sum();
    int[] ids = new int[rows];
    var parts = new ArrayList<StepBatch.Part>(order.size());
    var places = new ArrayList<Place>();
    int[] wanted = new int[rows];
    int row = 0;
    for (Sequence sequence : order) {
      int first = sequence.computed;
      parts.add(new StepBatch.Part(row, sequence.scheduled, first, blocks(sequence)));
      for (int position = first; position < first + sequence.scheduled; position++, row++) {
        ids[row] = sequence.token(position);
        if (!sequence.wantsLogits(position)) continue;
        wanted[places.size()] = row;
        places.add(new Place(sequence, position));
      }
    }
    int[] asked = java.util.Arrays.copyOf(wanted, places.size());
    return new StepPlan(new StepBatch(ids, parts, asked), places);
  }

  private static int[] blocks(Sequence sequence) {
    int[] blocks = new int[Math.ceilDiv(sequence.computed + sequence.scheduled, Model.BLOCK)];
    for (int i = 0; i < blocks.length; i++) blocks[i] = sequence.blocks.get(i);
    return blocks;
  }
}
