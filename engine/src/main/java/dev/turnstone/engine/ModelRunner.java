package dev.turnstone.engine;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Lays a batch of sequences out as tensors and runs the forward pass over it, one native call a
/// step.
///
/// Confined to the engine thread.
final class ModelRunner {
  private final Model model;
  private final KvCache cache;

  ModelRunner(Model model, KvCache cache) {
    this.model = model;
    this.cache = cache;
  }

  /// Computes what is scheduled and returns logits for the positions that sequences want them at.
  Logits run(List<Sequence> batch, Parameters parameters, PtNDManager step) {
    List<Sequence> decoding = batch.stream().filter(s -> s.scheduled == 1).toList();
    List<Sequence> chunks = batch.stream().filter(s -> s.scheduled > 1).toList();
    var order = new ArrayList<>(decoding);
    order.addAll(chunks);
    int total = order.stream().mapToInt(s -> s.scheduled).sum();
    long[] ids = new long[total];
    long[] positions = new long[total];
    long[] slots = new long[total];
    var wanted = new ArrayList<Place>();
    var rows = new ArrayList<Long>();
    int at = 0;
    for (Sequence sequence : order) {
      for (int i = 0; i < sequence.scheduled; i++, at++) {
        int position = sequence.computed + i;
        ids[at] = sequence.token(position);
        positions[at] = position;
        slots[at] =
            (long) sequence.blocks.get(position / Model.BLOCK) * Model.BLOCK
                + position % Model.BLOCK;
        if (sequence.wantsLogits(position)) {
          wanted.add(new Place(sequence, position));
          rows.add((long) at);
        }
      }
    }
    PtNDArray logits =
        model.run(
            step,
            "step",
            IValue.from(tensor(step, ids)),
            IValue.from(tensor(step, positions)),
            IValue.from(tensor(step, slots)),
            IValue.from((long) decoding.size()),
            IValue.from(decodeTable(step, decoding)),
            IValue.from(tensor(step, decoding.stream().mapToLong(s -> s.computed + 1L).toArray())),
            IValue.listFrom(chunks.stream().mapToLong(s -> s.scheduled).toArray()),
            chunkTables(step, chunks),
            IValue.from(tensor(step, rows.stream().mapToLong(Long::longValue).toArray())),
            IValue.from(model.cosines()),
            IValue.from(model.sines()),
            IValue.listFrom(parameters.tensors()),
            cache.keys(),
            cache.values());
    return new Logits(wanted, rows(logits));
  }

  /// A token whose logits are wanted: they say what may stand at `position + 1`.
  record Place(Sequence sequence, int position) {}

  /// @param places one per row
  record Logits(List<Place> places, LogitRows rows) {}

  /// The tensor's own memory, which lives until the step's manager closes.
  private LogitRows rows(PtNDArray logits) {
    MemorySegment memory = MemorySegment.ofBuffer(logits.toByteBuffer(true));
    return new LogitRows(memory, model.config().vocabulary());
  }

  private static PtNDArray tensor(PtNDManager step, long[] values) {
    return (PtNDArray) step.create(values, new Shape(values.length));
  }

  /// `[sequences, blocks of the longest]`, padded with block 0.
  private static PtNDArray decodeTable(PtNDManager step, List<Sequence> decoding) {
    int width = decoding.stream().mapToInt(s -> blocksOf(s)).max().orElse(1);
    long[] table = new long[decoding.size() * width];
    for (int row = 0; row < decoding.size(); row++) {
      Sequence sequence = decoding.get(row);
      for (int i = 0; i < blocksOf(sequence); i++) table[row * width + i] = sequence.blocks.get(i);
    }
    return (PtNDArray) step.create(table, new Shape(decoding.size(), width));
  }

  private static IValue chunkTables(PtNDManager step, List<Sequence> chunks) {
    PtNDArray[] tables =
        chunks.stream()
            .map(s ->
                tensor(
                    step,
                    s.blocks.subList(0, blocksOf(s)).stream()
                        .mapToLong(Integer::longValue)
                        .toArray()))
            .toArray(PtNDArray[]::new);
    return IValue.listFrom(tables);
  }

  private static int blocksOf(Sequence sequence) {
    return Math.ceilDiv(sequence.computed + sequence.scheduled, Model.BLOCK);
  }
}
