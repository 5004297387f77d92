package dev.turnstone.engine;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// The forward pass as one TorchScript call per step: the reference, and what runs where lanes
/// cannot.
final class TorchForward implements ForwardPass {
  private final Model model;
  private final KvCache cache;
  private PtNDManager step = Model.newManager();

  TorchForward(Model model, KvCache cache) {
    this.model = model;
    this.cache = cache;
  }

  private record Loaded(Parameters parameters) implements Weights {
    @Override
    public void close() {
      parameters.close();
    }
  }

  @Override
  public int blocks() {
    return cache.blocks();
  }

  @Override
  public long cacheBytes() {
    return cache.bytes();
  }

  @Override
  public boolean copies() {
    return false;
  }

  @Override
  public Weights prepare(Parameters parameters) {
    return new Loaded(parameters);
  }

  @Override
  public void copy(int from, int to) {
    model
        .run(
            step,
            "copy_block",
            IValue.from((long) from),
            IValue.from((long) to),
            cache.keys(),
            cache.values())
        .close();
  }

  @Override
  public LogitRows run(StepBatch batch, Weights weights) {
    step.close();
    step = Model.newManager();
    Parameters parameters = ((Loaded) weights).parameters();
    List<StepBatch.Part> decoding =
        batch.parts().stream().filter(part -> part.count() == 1).toList();
    List<StepBatch.Part> chunks = batch.parts().stream().filter(part -> part.count() > 1).toList();
    PtNDArray logits =
        model.run(
            step,
            "step",
            IValue.from(tensor(longs(batch.ids()))),
            IValue.from(tensor(positions(batch))),
            IValue.from(tensor(slots(batch))),
            IValue.from((long) decoding.size()),
            IValue.from(decodeTable(decoding)),
            IValue.from(tensor(decoding.stream().mapToLong(p -> p.computed() + 1L).toArray())),
            IValue.listFrom(chunks.stream().mapToLong(StepBatch.Part::count).toArray()),
            chunkTables(chunks),
            IValue.from(tensor(longs(batch.wanted()))),
            IValue.from(model.cosines()),
            IValue.from(model.sines()),
            IValue.listFrom(parameters.tensors()),
            cache.keys(),
            cache.values());
    MemorySegment memory = MemorySegment.ofBuffer(logits.toByteBuffer(true));
    return new LogitRows(memory, model.config().vocabulary());
  }

  private static long[] positions(StepBatch batch) {
    long[] positions = new long[batch.rows()];
    for (StepBatch.Part part : batch.parts())
      for (int i = 0; i < part.count(); i++) positions[part.row() + i] = (long) part.computed() + i;
    return positions;
  }

  private static long[] slots(StepBatch batch) {
    long[] slots = new long[batch.rows()];
    for (StepBatch.Part part : batch.parts())
      for (int i = 0; i < part.count(); i++) {
        int position = part.computed() + i;
        slots[part.row() + i] =
            (long) part.blocks()[position / Model.BLOCK] * Model.BLOCK + position % Model.BLOCK;
      }
    return slots;
  }

  private static long[] longs(int[] values) {
    return Arrays.stream(values).asLongStream().toArray();
  }

  private PtNDArray tensor(long[] values) {
    return (PtNDArray) step.create(values, new Shape(values.length));
  }

  /// `[sequences, blocks of the longest]`, padded with block 0.
  private PtNDArray decodeTable(List<StepBatch.Part> decoding) {
    int width = decoding.stream().mapToInt(part -> part.blocks().length).max().orElse(1);
    long[] table = new long[decoding.size() * width];
    for (int row = 0; row < decoding.size(); row++) {
      int[] blocks = decoding.get(row).blocks();
      for (int i = 0; i < blocks.length; i++) table[row * width + i] = blocks[i];
    }
    return (PtNDArray) step.create(table, new Shape(decoding.size(), width));
  }

  private IValue chunkTables(List<StepBatch.Part> chunks) {
    return IValue.listFrom(
        chunks.stream().map(part -> tensor(longs(part.blocks()))).toArray(PtNDArray[]::new));
  }

  @Override
  public void close() {
    step.close();
    cache.close();
  }
}
